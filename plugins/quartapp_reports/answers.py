"""Reports as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quartapp_reports.service import StudentReport


def total_answer(report: StudentReport) -> dict[str, Any]:
    """Return what a report counts.

    Args:
        report: The report.
    """
    return {
        "taken": report.taken,
        "statuses": dict(report.statuses),
        "points": f"{report.points:f}",
        "percentage": report.percentage,
        "longestAbsence": report.longest_absence,
        "currentAbsence": report.current_absence,
    }
