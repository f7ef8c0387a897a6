from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import DomainError, Operation, Refusal, core, permission
from quartapp_classes import ClassNotFoundError, NotOwnerError
from quartapp_records import Access, named_students
from quartapp_reports.answers import total_answer
from quartapp_reports.open_warnings import RaisedWarnings
from quartapp_reports.schemas import ReportAnswer, ReportQuery
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings
from quartapp_reports.student_access import READ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from quartapp import Principal
    from quartapp_records import NamedStudent
    from quartapp_reports.service import StudentReport

report_routes = Blueprint("reports", __name__, url_prefix="/api/v1/class")

READING = permission(READ, role="teacher")
INVALID = Refusal(400, "Invalid request schema")
OF_CLASS: dict[type[DomainError], Refusal] = {
    ClassNotFoundError: Refusal(404, "Class not found"),
    NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
}


@report_routes.get("/<class_id>/report")
@Operation(
    id="getReport",
    access=READING,
    tags=("records",),
    query=ReportQuery,
    invalid=INVALID,
    data=ReportAnswer,
    errors=OF_CLASS,
)
async def get_report(principal: Principal, class_id: str, query: ReportQuery) -> dict[str, Any]:
    """Return percentages, runs of absences and warnings of the students of a class."""
    parts = core()
    services = parts.services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    first, last = query.days(parts.local_day())
    reports = services.get(Reports)
    sessions, found = await reports.of_class(class_room.id, first, last)
    nothing = reports.of_marks([])
    raised = await services.get(RaisedWarnings).of_class(class_room.id)
    return {
        "classId": class_room.id,
        "className": class_room.class_name,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "rule": services.get(ReportsSettings).rule,
        "sessions": sessions,
        "students": [
            _answer(student, found.get(student.id, nothing), raised.get(student.id, {}))
            for student in await named_students(class_room, found)
        ],
    }


def _answer(
    student: NamedStudent, report: StudentReport, raised: Mapping[str, datetime]
) -> dict[str, Any]:
    return {
        "studentId": student.id,
        "displayName": student.display_name,
        "sortName": student.sort_name,
        **total_answer(report),
        "warnings": list(report.warnings),
        "raised": [{"warning": name, "raisedAt": at} for name, at in raised.items()],
    }
