"""Percentages that other systems publish as examples: facts and figures, not their words.

Canvas: "How is Roll Call Attendance graded in Canvas?", Instructure's guide for instructors
(present 100 %, late 80 % by default, absent 0 %), and "Attendance Settings and Weighting" of the
University of Iceland. Moodle: "Learn@Illinois Moodle - Attendance Activity" of the University of
Illinois, whose default is present 2, late 1, excused 1, absent 0.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from quartapp_reports import Taken, by_points, percentage

CANVAS = {"P": Fraction(1), "L": Fraction(4, 5), "A": Fraction(0)}
# A worth is a share of the largest one.
MOODLE = {"P": Fraction(2, 2), "L": Fraction(1, 2), "E": Fraction(1, 2), "A": Fraction(0)}
# Mary's choice in the guide of Illinois: full credit for an excuse.
MARY = {**MOODLE, "E": Fraction(1)}


def marks(letters, worth):
    return [
        Taken(f"2026-01-{day:02}", letter, letter in "PL", worth[letter])
        for day, letter in enumerate(letters, 1)
    ]


@pytest.mark.parametrize(
    ("source", "worth", "letters", "published"),
    [
        # The roll was taken twice: one present value and one lateness value are 90 of 100 points.
        ("Canvas", CANVAS, "PL", 90),
        ("Canvas: present", CANVAS, "P", 100),
        ("Canvas: late", CANVAS, "L", 80),
        ("Canvas: absent", CANVAS, "A", 0),
        # The first three sessions of many were attended, and others have no status yet.
        ("University of Iceland", CANVAS, "PPP", 100),
        # Jake attended all of the ten sessions that were taken, late to two of them: 18 of 20.
        ("University of Illinois: Jake", MARY, "PPPPPPPPLL", 90),
        ("University of Illinois: late", MOODLE, "L", 50),
        ("University of Illinois: excused", MOODLE, "E", 50),
        ("University of Illinois: excused, by Mary", MARY, "E", 100),
    ],
)
def test_published_percentages(source, worth, letters, published):
    assert percentage(by_points(marks(letters, worth))) == published, source


@pytest.mark.parametrize(("letter", "points"), [("P", "0.625"), ("L", "0.3125"), ("A", "0")])
def test_each_of_32_sessions_has_its_share_of_20_points(letter, points):
    """Of 32 sessions, one that is not like the others changes the sum by what is published."""
    attended = by_points(marks("A" * 31 + letter, MARY))
    assert attended * 20 == Fraction(points)
