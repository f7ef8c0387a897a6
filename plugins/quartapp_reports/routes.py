from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, Refusal, core, permission
from quartapp_auth import People
from quartapp_classes import ClassNotFoundError, NotOwnerError, Rolls, sort_name
from quartapp_records import Access
from quartapp_reports.schemas import ReportAnswer, ReportQuery
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Principal
    from quartapp_reports.service import StudentReport

report_routes = Blueprint("reports", __name__, url_prefix="/api/v1/class")

READ = "records:read"


@report_routes.get("/<class_id>/report")
@Operation(
    id="getReport",
    access=permission(READ, role="teacher"),
    tags=("records",),
    query=ReportQuery,
    invalid=Refusal(400, "Invalid request schema"),
    data=ReportAnswer,
    errors={
        ClassNotFoundError: Refusal(404, "Class not found"),
        NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
    },
)
async def get_report(principal: Principal, class_id: str, query: ReportQuery) -> dict[str, Any]:
    """Return percentages, runs of absences and warnings of the students of a class."""
    parts = core()
    services = parts.services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    first, last = query.days(parts.local_day())
    reports = services.get(Reports)
    sessions, found = await reports.of_class(class_room.id, first, last)
    roll = await services.get(Rolls).members(class_room)
    people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts({*found, *roll})
    nothing = reports.of_marks([])
    students = [
        _answer(
            student,
            names[student].display_name if student in names else None,
            found.get(student, nothing),
        )
        for student in {*found, *roll}
    ]
    return {
        "classId": class_room.id,
        "className": class_room.class_name,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "rule": services.get(ReportsSettings).rule,
        "sessions": sessions,
        "students": sorted(
            students, key=lambda one: ((one["sortName"] or "").casefold(), one["studentId"])
        ),
    }


def _answer(student: ObjectId, name: str | None, report: StudentReport) -> dict[str, Any]:
    return {
        "studentId": student,
        "displayName": name,
        "sortName": None if name is None else sort_name(name),
        "taken": report.taken,
        "statuses": dict(report.statuses),
        "points": f"{report.points:f}",
        "percentage": report.percentage,
        "longestAbsence": report.longest_absence,
        "currentAbsence": report.current_absence,
        "warnings": list(report.warnings),
    }
