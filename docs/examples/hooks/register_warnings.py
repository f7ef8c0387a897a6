"""A warning about students who came late to half of their last sessions."""

from quartapp import hookimpl

LAST = 4


def often_late(seen):
    """Tell whether a student came late to half of the last sessions."""
    last = seen.marks[-LAST:]
    return len(last) == LAST and sum(mark.code == "late" for mark in last) * 2 >= LAST


class OftenLatePlugin:
    """Brings the warning ``often-late``."""

    name = "often_late"
    requires = ("reports",)

    @hookimpl
    def register_warnings(self):
        return {"often-late": often_late}
