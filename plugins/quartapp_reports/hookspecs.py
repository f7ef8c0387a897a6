"""The hook of the reports plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Quart

    from quartapp_reports.rules import PercentageRule


@hookspec
def register_percentages(app: Quart) -> Mapping[str, PercentageRule]:
    """Return rules for percentages by their names; called at build. Collected.

    The setting ``rule`` of the reports plugin chooses one by its name. A rule gets the marks of one
    student in the order of the sessions, and returns the attended share as a ``Fraction``, or None
    over nothing. Marks without ``points`` are excused.

    Example:
        >>> @hookimpl
        ... def register_percentages(self):
        ...     return {"last-ten": lambda marks: by_points(marks[-10:])}
    """
    raise NotImplementedError
