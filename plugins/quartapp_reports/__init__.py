"""Percentages, runs of absences and warnings.

The names exported here are public; the modules below are internal.
"""

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

__all__ = [
    "PercentageRule",
    "Reports",
    "StudentReport",
    "Taken",
    "by_days",
    "by_points",
    "by_sessions",
    "percentage",
    "runs_of_absences",
]
