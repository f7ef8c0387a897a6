"""Percentages, runs of absences and warnings.

The names exported here are public; the modules below are internal.
"""

from quartapp_reports.happenings import WarningRaised, WarningWithdrawn
from quartapp_reports.open_warnings import RaisedWarnings
from quartapp_reports.rules import (
    PercentageRule,
    Taken,
    by_days,
    by_points,
    by_sessions,
    percentage,
    runs_of_absences,
)
from quartapp_reports.service import Reports, StudentReport
from quartapp_reports.student_access import StudentAccess
from quartapp_reports.warning_rules import Attended, WarningRule

__all__ = [
    "Attended",
    "PercentageRule",
    "RaisedWarnings",
    "Reports",
    "StudentAccess",
    "StudentReport",
    "Taken",
    "WarningRaised",
    "WarningRule",
    "WarningWithdrawn",
    "by_days",
    "by_points",
    "by_sessions",
    "percentage",
    "runs_of_absences",
]
