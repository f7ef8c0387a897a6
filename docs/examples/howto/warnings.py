"""A warning about a fall: attended of late is far less than attended before."""

from fractions import Fraction

from quartapp import hookimpl
from quartapp_reports import by_points

LAST = 5
FALL = Fraction(25, 100)


def falling(seen):
    """Tell whether the last sessions are worse by a quarter than all before them."""
    before, lately = by_points(seen.marks[:-LAST]), by_points(seen.marks[-LAST:])
    return before is not None and lately is not None and before - lately >= FALL


class FallingPlugin:
    """Brings the warning ``falling``."""

    name = "falling"
    requires = ("reports",)

    @hookimpl
    def register_warnings(self):
        return {"falling": falling}
