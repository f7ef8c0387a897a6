"""The names of classes: 3 to 100 characters, and unique among the classes of one teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIN_NAME = 3
MAX_NAME = 100


def candidates(title: str, code: str, terms: Sequence[str], sourced_id: str) -> Iterator[str]:
    """Yield names for a class, from the plainest to one that no other class has.

    Args:
        title: Title of the class; not empty.
        code: The class's ``classCode``, or an empty string.
        terms: Titles of the class's terms.
        sourced_id: The class's ``sourcedId``.
    """
    term = ", ".join(terms)
    both = ", ".join(filter(None, (code, term)))
    if len(title) >= MIN_NAME:
        yield _cut(title, MAX_NAME)
    yield from (with_remark(title, remark) for remark in (code, term, both, sourced_id) if remark)
    yield from (with_remark(title, f"{sourced_id[-40:]}, {n}") for n in range(2, 20))


def with_remark(title: str, remark: str) -> str:
    """Return ``title (remark)``, with the title cut to fit."""
    ending = f" ({_cut(remark, MAX_NAME // 2)})"
    return f"{_cut(title, MAX_NAME - len(ending))}{ending}"


def still_fits(name: str, title: str) -> bool:
    """Tell whether a name may have been made from a title and some remark."""
    base, separator, _ = name.partition(" (")
    cut = base.endswith("…") and title.startswith(base[:-1])
    return bool(separator) and (cut or name.startswith(f"{title} ("))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
