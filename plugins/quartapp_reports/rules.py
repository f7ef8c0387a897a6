"""Rules for percentages, by name, in exact arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Taken:
    """A mark of one student in a session that was taken.

    Attributes:
        day: Local date of the session, as ``2026-12-31``.
        code: Code of the status.
        present: Whether the status counts as present.
        points: Worth of the status, where ``present`` is worth 1; None for a status that
            percentages leave out, such as an excuse.
    """

    day: str
    code: str
    present: bool
    points: Fraction | None


PercentageRule: TypeAlias = Callable[[Sequence[Taken]], Fraction | None]
"""A function that returns the attended share of some marks, 1 for all; None over nothing."""


def by_points(marks: Sequence[Taken]) -> Fraction | None:
    """Return points earned ÷ points possible, where each session is worth what ``present`` is.

    Args:
        marks: The marks of one student.
    """
    # Sums of fractions are slow, and a student has few different statuses.
    worth = {mark.code: mark.points for mark in marks if mark.points is not None}
    counts = Counter([mark.code for mark in marks])
    possible = sum(counts[code] for code in worth)
    earned = sum((points * counts[code] for code, points in worth.items()), Fraction())
    return earned / possible if possible else None


def by_sessions(marks: Sequence[Taken]) -> Fraction | None:
    """Return sessions attended ÷ sessions taken, however late the student came.

    Args:
        marks: The marks of one student.
    """
    counted = [mark.present for mark in marks if mark.points is not None]
    return Fraction(sum(counted), len(counted)) if counted else None


def by_days(marks: Sequence[Taken]) -> Fraction | None:
    """Return days with an attended session ÷ days with a session taken.

    Args:
        marks: The marks of one student.
    """
    days: dict[str, bool] = {}
    for mark in marks:
        if mark.points is not None:
            days[mark.day] = days.get(mark.day, False) or mark.present
    return Fraction(sum(days.values()), len(days)) if days else None


RULES: Mapping[str, PercentageRule] = {
    "points": by_points,
    "sessions": by_sessions,
    "days": by_days,
}


def percentage(share: Fraction | None) -> float | None:
    """Return a share as a percentage, rounded half up to one decimal.

    Args:
        share: The share, 1 for all; None over nothing.
    """
    # A float shows one decimal exactly as it is written.
    return None if share is None else math.floor(share * 1000 + Fraction(1, 2)) / 10


def runs_of_absences(marks: Sequence[Taken]) -> tuple[int, int]:
    """Return the longest and the present run of absences; excused sessions neither add nor end.

    Args:
        marks: The marks of one student, in the order of the sessions.
    """
    longest = current = 0
    for mark in marks:
        if mark.present:
            current = 0
        elif mark.points is not None:
            current += 1
            longest = max(longest, current)
    return longest, current
