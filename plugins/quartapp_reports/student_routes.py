"""The attendance of one student over time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, core, object_id
from quartapp_auth import BaseRole, People, UserNotFoundError
from quartapp_classes import (
    ClassService,
    NotOwnerError,
    Rolls,
    StudentNotFoundError,
    sort_name,
)
from quartapp_records import Access, StudentRegisters
from quartapp_reports.answers import total_answer
from quartapp_reports.routes import INVALID, OF_CLASS, READ, READING
from quartapp_reports.schemas import AttendanceAnswer, StudentQuery
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings

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
    services = core().services
    key = object_id(student_id)
    if key is None:
        raise StudentNotFoundError
    classes = await _classes_of(key)
    if not classes and not await _is_student(student_id):
        raise StudentNotFoundError
    access = services.get(Access)
    names = await access.classes_for(classes, principal, READ)
    if not names and not access.is_office(principal):
        raise NotOwnerError
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
    names = await core().services.get(ClassService).class_names(await _classes_of(key))
    return await _answer(key, names, query)


async def _classes_of(student_id: ObjectId) -> set[ObjectId]:
    """Return the ids of classes in which a student has records, or is enrolled."""
    services = core().services
    kept, enrolled = await asyncio.gather(
        services.get(StudentRegisters).classes_of(student_id),
        services.get(Rolls).classes_of(str(student_id)),
    )
    return {*kept, *enrolled}


async def _is_student(user_id: str) -> bool:
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    try:
        return (await people.get(user_id)).role == BaseRole.STUDENT
    except UserNotFoundError:
        return False


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
