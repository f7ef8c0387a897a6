"""What a class is called: 3 to 100 characters, and for one teacher each name once."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIN_NAME = 3
MAX_NAME = 100


def name_key(name: str) -> str:
    """Names with the same key count as the same for the database.

    It compares by Unicode's rules at strength 2: without case, width and invisible characters.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if unicodedata.category(c) not in {"Cf", "Cc"})


def candidates(title: str, code: str, terms: Sequence[str], sourced_id: str) -> Iterator[str]:
    """Names for a class, the plainest first; the last ones are nobody else's.

    Args:
        title: What the school calls it; not empty.
        code: Its classCode, or empty.
        terms: Titles of its terms.
        sourced_id: Its sourcedId.
    """
    term = ", ".join(terms)
    both = ", ".join(filter(None, (code, term)))
    if len(title) >= MIN_NAME:
        yield _cut(title, MAX_NAME)
    yield from (with_remark(title, remark) for remark in (code, term, both, sourced_id) if remark)
    yield from (with_remark(title, f"{sourced_id[-40:]}, {n}") for n in range(2, 20))


def with_remark(title: str, remark: str) -> str:
    """``title (remark)``, cut where it would be too long."""
    ending = f" ({_cut(remark, MAX_NAME // 2)})"
    return f"{_cut(title, MAX_NAME - len(ending))}{ending}"


def still_fits(name: str, title: str) -> bool:
    """Whether ``name`` may have been made of ``title`` with some remark."""
    base, separator, _ = name.partition(" (")
    cut = base.endswith("…") and title.startswith(base[:-1])
    return bool(separator) and (cut or name.startswith(f"{title} ("))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
