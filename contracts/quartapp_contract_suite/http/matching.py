"""The comparison of answers with expected values, some of them patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Like:
    """Any string that a regular expression matches in full."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Holding:
    """A list with these entries in this order, and possibly others between them."""

    entries: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one or more entries that all match the same expected value."""

    entry: Any


ID = Like(r"[0-9a-f]{24}")
TIME = Like(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
TOKEN = Like(r"[\w-]+\.[\w-]+\.[\w-]+")
TICKET = Like(r"[\w-]{22}")
TEXT = Like(r"(?s:.+)")
PERHAPS_NO_TEXT = Like(r"(?s:.*)")
NUMBER = object()
ANY_OBJECT = object()


def mismatch(expected: Any, found: Any, where: str = "body") -> str | None:  # noqa: ANN401 - JSON
    """Describe the first difference between ``expected`` and ``found``; return None without one."""
    if expected is NUMBER:
        fits = isinstance(found, int) and not isinstance(found, bool)
        return None if fits else f"{where}: {found!r} is no integer"
    if expected is ANY_OBJECT:
        return None if isinstance(found, dict) and found else f"{where}: {found!r} is no object"
    if isinstance(expected, Like):
        fits = isinstance(found, str) and re.fullmatch(expected.pattern, found) is not None
        return None if fits else f"{where}: {found!r} does not look like {expected.pattern}"
    if isinstance(expected, Holding):
        return _mismatch_of_some(expected, found, where)
    if isinstance(expected, ListOf):
        return _mismatch_of_each(expected, found, where)
    return _mismatch_inside(expected, found, where)


def _mismatch_inside(expected: Any, found: Any, where: str) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            return f"{where}: fields {sorted(found)}, expected {sorted(expected)}"
        pairs = ((f"{where}.{key}", expected[key], found[key]) for key in expected)
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return f"{where}: {len(found)} entries, expected {len(expected)}: {found}"
        pairs = (
            (f"{where}[{number}]", one, other)
            for number, (one, other) in enumerate(zip(expected, found, strict=True))
        )
    else:
        same = type(expected) is type(found) and expected == found
        return None if same else f"{where}: {found!r}, expected {expected!r}"
    return next(filter(None, (mismatch(one, other, at) for at, one, other in pairs)), None)


def _mismatch_of_each(expected: ListOf, found: Any, where: str) -> str | None:  # noqa: ANN401
    if not isinstance(found, list) or not found:
        return f"{where}: {found!r} is no list with entries"
    return mismatch([expected.entry] * len(found), found, where)


def _mismatch_of_some(expected: Holding, found: Any, where: str) -> str | None:  # noqa: ANN401
    if not isinstance(found, list):
        return f"{where}: {found!r} is no list"
    rest = iter(found)
    for entry in expected.entries:
        if not any(mismatch(entry, other) is None for other in rest):
            return f"{where}: {entry} is missing, or in another place, in {found}"
    return None
