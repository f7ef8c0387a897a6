"""Rules for warnings, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import structlog

if TYPE_CHECKING:
    from quartapp_reports.rules import Taken
    from quartapp_reports.settings import ReportsSettings

log = structlog.get_logger("quartapp.reports")

LOW_PERCENTAGE = "low-percentage"
ABSENCES_IN_A_ROW = "absences-in-a-row"


@dataclass(frozen=True, slots=True)
class Attended:
    """What a student has attended, for rules for warnings.

    Attributes:
        marks: The marks of the student, in the order of the sessions.
        counted: Number of marks that percentages count.
        share: Attended share by the rule for percentages, 1 for all; None over nothing.
        longest_absence: Longest run of absences.
        current_absence: Run of absences up to the last session.
    """

    marks: Sequence[Taken]
    counted: int
    share: Fraction | None
    longest_absence: int
    current_absence: int


WarningRule: TypeAlias = Callable[[Attended], bool]
"""A function that tells whether a warning holds of what a student has attended."""


def own_rules(settings: ReportsSettings) -> dict[str, WarningRule]:
    """Return the rules that this plugin brings.

    Args:
        settings: When the rules warn.
    """
    below, after, absences = settings.warn_below, settings.warn_after, settings.warn_absences
    limit = Fraction(below) / 100

    def low_percentage(seen: Attended) -> bool:
        # Compared before it is rounded: 69.96 is below 70.
        return seen.share is not None and seen.counted >= after and seen.share < limit

    def absences_in_a_row(seen: Attended) -> bool:
        return seen.current_absence >= absences

    return {LOW_PERCENTAGE: low_percentage, ABSENCES_IN_A_ROW: absences_in_a_row}


class WarningRules:
    """The rules for warnings of an app.

    Args:
        rules: The rules by name, in the order in which warnings are told.

    Attributes:
        names: Names of the warnings, in their order.
    """

    def __init__(self, rules: Mapping[str, WarningRule]) -> None:
        self._rules = rules
        self.names = tuple(rules)

    def asked(self, seen: Attended) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of warnings that hold, and of those whose rules have failed.

        Args:
            seen: What the student has attended.
        """
        holding, failed = [], []
        for name, rule in self._rules.items():
            try:
                if rule(seen):
                    holding.append(name)
            except Exception as error:
                # A mistake in one rule takes no report away from those who need it.
                log.exception("a rule for warnings failed", warning=name, exc_info=error)
                failed.append(name)
        return tuple(holding), tuple(failed)
