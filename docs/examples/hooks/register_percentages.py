"""A rule for percentages in which only the last ten sessions count."""

from quartapp import hookimpl
from quartapp_reports import by_points

LAST = 10


class LastTenPlugin:
    """Brings the rule ``last-ten``."""

    name = "last_ten"
    requires = ("reports",)

    @hookimpl
    def register_percentages(self):
        return {"last-ten": lambda marks: by_points(marks[-LAST:])}
