"""Percentages and runs: tables worked by hand, and a plain recount."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartapp_reports import (
    Taken,
    by_days,
    by_points,
    by_sessions,
    percentage,
    runs_of_absences,
)

# On a busy machine, an example may take any time.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The letters of the tables: present, absent, late, excused. Canvas counts late as 80 % unless an
# institution says otherwise ("Roll Call Attendance", Instructure's guides for instructors).
WORTH = {"P": Fraction(1), "A": Fraction(0), "L": Fraction(4, 5), "E": None}


def marks(letters):
    """Marks by letter; a blank begins another day."""
    return [
        Taken(f"2026-01-{day:02}", letter, letter in "PL", WORTH[letter])
        for day, of_day in enumerate(letters.split(), 1)
        for letter in of_day
    ]


@pytest.mark.parametrize(
    ("letters", "points", "sessions", "days"),
    [
        ("", None, None, None),
        ("E E", None, None, None),
        ("P", 100, 100, 100),
        ("A", 0, 0, 0),
        ("L", 80, 100, 100),
        ("P A A", 33.3, 33.3, 33.3),
        ("P P A", 66.7, 66.7, 66.7),
        # Ten sessions, one of them late: 98 % in Canvas.
        ("P P P P P P P P P L", 98, 100, 100),
        ("P P P L A", 76, 80, 80),
        # An excuse changes nothing.
        ("P P P L A E E E", 76, 80, 80),
        # Two sessions a day: one of them is enough for the day.
        ("PA PA AA PL", 47.5, 50, 75),
        ("EA EP EE", 50, 50, 50),
        # 1/16 is 6.25 %, and 3/16 is 18.75 %: half up, and not to the even digit.
        ("P A A A A A A A A A A A A A A A", 6.3, 6.3, 6.3),
        ("P P P A A A A A A A A A A A A A", 18.8, 18.8, 18.8),
    ],
)
def test_percentages_by_each_rule(letters, points, sessions, days):
    found = [percentage(rule(marks(letters))) for rule in (by_points, by_sessions, by_days)]
    assert found == [points, sessions, days]


@pytest.mark.parametrize(
    ("letters", "longest", "current"),
    [
        ("", 0, 0),
        ("P P", 0, 0),
        ("A", 1, 1),
        ("A A P A", 2, 1),
        ("A A A P", 3, 0),
        # An excuse neither adds to a run nor ends it; coming late ends it.
        ("A E A E A", 3, 3),
        ("A A L A", 2, 1),
        ("E E", 0, 0),
        ("P E", 0, 0),
        ("A P E A E", 1, 1),
    ],
)
def test_runs_of_absences(letters, longest, current):
    assert runs_of_absences(marks(letters)) == (longest, current)


LETTERS = st.lists(st.text("PALE", min_size=1, max_size=3), max_size=60).map(" ".join)


@UNTIMED
@given(LETTERS)
def test_percentages_are_those_of_a_plain_recount(letters):
    counted = letters.replace(" ", "").replace("E", "")
    worth = {"P": Decimal(1), "A": Decimal(0), "L": Decimal("0.8")}
    days = [day for day in (day.replace("E", "") for day in letters.split()) if day]
    shares = (
        (sum(worth[letter] for letter in counted), len(counted)),
        (sum(letter != "A" for letter in counted), len(counted)),
        (sum(set(day) != {"A"} for day in days), len(days)),
    )
    for rule, (had, possible) in zip((by_points, by_sessions, by_days), shares, strict=True):
        found = percentage(rule(marks(letters)))
        if not possible:
            assert found is None
            continue
        with localcontext(prec=60):
            exact = 100 * Decimal(had) / possible
            assert Decimal(str(found)) == exact.quantize(Decimal("0.1"), ROUND_HALF_UP)


@UNTIMED
@given(LETTERS)
def test_runs_are_those_of_a_plain_recount(letters):
    plain = letters.replace(" ", "").replace("E", "").replace("L", "P")
    longest, current = runs_of_absences(marks(letters))
    assert longest == max(map(len, plain.split("P")))
    assert current == len(plain.rpartition("P")[2])
