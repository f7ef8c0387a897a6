"""A rule for percentages: three times late count as one absence."""

from fractions import Fraction

from quartapp import hookimpl

LATES_PER_ABSENCE = 3


def three_lates(marks):
    """Return attended sessions ÷ sessions, without one session for each three times late."""
    counted = [mark for mark in marks if mark.points is not None]
    if not counted:
        return None
    late = sum(mark.code == "late" for mark in counted)
    attended = sum(mark.present for mark in counted) - late // LATES_PER_ABSENCE
    return Fraction(attended, len(counted))


class ThreeLatesPlugin:
    """Brings the rule ``three-lates``."""

    name = "three_lates"
    requires = ("reports",)

    @hookimpl
    def register_percentages(self):
        return {"three-lates": three_lates}
