"""The hooks of the reports plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Quart

    from quartapp_reports.rules import PercentageRule
    from quartapp_reports.warning_rules import WarningRule


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


@hookspec
def register_warnings(app: Quart) -> Mapping[str, WarningRule]:
    """Return rules for warnings by their names; called at build. Collected.

    A name has small letters, digits and hyphens. A rule gets what one student has attended of a
    class over the last year, or over the days of a report, and tells whether to warn. The server
    raises the warning when the rule begins to say so, and withdraws it when the rule says so no
    longer, after each session and each change of a record. Warnings are told in the order of the
    rules, those of this plugin first. A rule that raises is logged, and changes nothing: its
    warnings stay as they are.

    Example:
        >>> @hookimpl
        ... def register_warnings(self):
        ...     return {"away-twice": lambda seen: seen.longest_absence >= 2}
    """
    raise NotImplementedError
