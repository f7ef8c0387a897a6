"""The search for people: keys that the database has for a name, and what a query looks for.

A query is the beginning of any word of a name, and what follows may be the words after it. Case,
accents and Unicode's forms do not count. A hyphen or an apostrophe parts two words, and may be left
out: ``O'Brien`` is found as ``o'b``, ``o b``, ``obr`` and ``bri``.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import product

# Hyphens, and the apostrophes that keyboards and word processors write.
_JOINTS = re.compile("[-\u2010\u2011\u2012\u2013'`\u00b4\u2018\u2019\u02b9\u02bb\u02bc\uff07]")
# A name with more joints has keys with all of them parted, and with all left out.
MOST_JOINTS = 4


def folded(text: str) -> str:
    """Return a text without case, accents and differences of Unicode's forms.

    Args:
        text: A name, or what somebody looks for.
    """
    # Folding may bring marks of its own, as for a capital I with a dot: they go as well.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf"})
    return " ".join(plain.split())


def name_keys(name: str) -> list[str]:
    """Return the keys under which a name is found: each begins with a word of the name.

    Args:
        name: The name as it was typed.
    """
    keys: dict[str, None] = {}
    for form in _forms(folded(name)):
        words = form.split()
        keys.update((" ".join(words[number:]), None) for number in range(len(words)))
    return list(keys)


def beginnings(search: str) -> list[str]:
    """Return the beginnings of keys that a query looks for; none for a query without a letter.

    Args:
        search: What somebody typed.
    """
    return [form for form in dict.fromkeys(map(str.strip, _forms(folded(search)))) if form]


def _forms(text: str) -> list[str]:
    """Return the text with each joint as a space and left out, in all combinations."""
    parts = _JOINTS.split(text)
    joints = len(parts) - 1
    choices = product((" ", ""), repeat=joints) if joints <= MOST_JOINTS else _all_alike(joints)
    forms = (
        parts[0] + "".join(joint + part for joint, part in zip(chosen, parts[1:], strict=True))
        for chosen in choices
    )
    return [" ".join(form.split()) for form in forms]


def _all_alike(joints: int) -> list[tuple[str, ...]]:
    return [(" ",) * joints, ("",) * joints]
