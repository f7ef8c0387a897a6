"""The attendance of one student over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import ObjectId
from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, core
from quartapp_auth import People
from quartapp_classes import NotOwnerError, StudentNotFoundError, sort_name
from quartapp_reports.answers import total_answer
from quartapp_reports.routes import INVALID, OF_CLASS, READING
from quartapp_reports.schemas import AttendanceAnswer, StudentQuery
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings
from quartapp_reports.student_access import StudentAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp import Principal
    from quartapp_reports.service import StudentReport

student_routes = Blueprint("student_reports", __name__, url_prefix="/api/v1")


@student_routes.get("/student/<student_id>/attendance")
@Operation(
    id="getStudentAttendance",
    access=READING,
    tags=("records",),
    query=StudentQuery,
    invalid=INVALID,
    data=AttendanceAnswer,
    errors={
        StudentNotFoundError: Refusal(404, "Student not found"),
        NotOwnerError: OF_CLASS[NotOwnerError],
    },
)
async def get_student_attendance(
    principal: Principal, student_id: str, query: StudentQuery
) -> dict[str, Any]:
    """Return what a student has attended, in those classes whose records the caller reads."""
    key, names = await core().services.get(StudentAccess).classes_of_other(student_id, principal)
    return await _answer(key, names, query)


@student_routes.get("/me/attendance")
@Operation(
    id="getOwnAttendance",
    access=SIGNED_IN,
    tags=("records",),
    query=StudentQuery,
    invalid=INVALID,
    data=AttendanceAnswer,
)
async def get_own_attendance(principal: Principal, query: StudentQuery) -> dict[str, Any]:
    """Return what the caller has attended, in each class and in all."""
    key = ObjectId(principal.id)
    names = await core().services.get(StudentAccess).classes_of_self(key)
    return await _answer(key, names, query)


async def _answer(
    student_id: ObjectId, names: Mapping[ObjectId, str], query: StudentQuery
) -> dict[str, Any]:
    services = core().services
    people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    reports, total = await services.get(Reports).of_student(
        student_id, names, query.first, query.last
    )
    contact = (await people.contacts([student_id])).get(student_id)
    name = None if contact is None else contact.display_name
    return {
        "studentId": student_id,
        "displayName": name,
        "sortName": None if name is None else sort_name(name),
        "from": None if query.first is None else query.first.isoformat(),
        "to": None if query.last is None else query.last.isoformat(),
        "rule": services.get(ReportsSettings).rule,
        "total": total_answer(total),
        "classes": [
            _of_class(class_id, names[class_id], reports[class_id])
            for class_id in sorted(names, key=lambda one: (names[one].casefold(), one))
        ],
    }


def _of_class(class_id: ObjectId, name: str, report: StudentReport) -> dict[str, Any]:
    told = {"classId": class_id, "className": name, **total_answer(report)}
    return {**told, "warnings": list(report.warnings)}
