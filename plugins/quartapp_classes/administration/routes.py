from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, core, permission
from quartapp_classes.administration.schemas import (
    ClassesQuery,
    ListedClass,
    NewClassBody,
)
from quartapp_classes.errors import ClassExistsError, TeacherNotFoundError
from quartapp_classes.finding import EVERY_CLASS
from quartapp_classes.routes import CLASS_EXISTS, INVALID, class_answer
from quartapp_classes.schemas import ClassAnswer
from quartapp_classes.service import ClassService
from quartapp_classes.teacher_changes import TeacherChanges
from quartapp_classes.teacher_routes import TEACHER_NOT_FOUND, teachers_answer

if TYPE_CHECKING:
    from quartapp import Attempt, Principal
    from quartapp_classes.models import ClassRoom

class_administration = Blueprint("class_administration", __name__, url_prefix="/api/v1/admin")


@class_administration.get("/classes")
@Operation(
    id="listEveryClass",
    access=permission(EVERY_CLASS, role="admin"),
    tags=("admin",),
    query=ClassesQuery,
    invalid=INVALID,
    data=list[ListedClass],
)
async def list_every_class(principal: Principal, query: ClassesQuery) -> list[dict[str, Any]]:
    """Return a page of all classes, with their teachers."""
    classes = core().services.get(ClassService)
    page = await classes.page(query.search, query.limit, query.after)
    # Reads of names at the same moment are one read of the database.
    return list(await asyncio.gather(*map(_answer, page)))


@class_administration.post("/classes")
@Operation(
    id="createClassForTeacher",
    access=permission(EVERY_CLASS, role="admin"),
    idempotent=True,
    tags=("admin",),
    body=NewClassBody,
    invalid=INVALID,
    status=201,
    data=ClassAnswer,
    errors={TeacherNotFoundError: TEACHER_NOT_FOUND, ClassExistsError: CLASS_EXISTS},
)
async def create_class_for_teacher(
    principal: Principal, body: NewClassBody, attempt: Attempt
) -> dict[str, Any]:
    """Create a class of a teacher."""
    classes = core().services.get(ClassService)
    return class_answer(await classes.create_for(body.teacher_id, body.class_name, attempt))


async def _answer(class_room: ClassRoom) -> dict[str, Any]:
    teachers = await core().services.get(TeacherChanges).of(class_room)
    return {
        "_id": class_room.id,
        "className": class_room.class_name,
        "teachers": teachers_answer(teachers),
        "students": len(class_room.students_ids),
        "sourcedId": class_room.sourced_id,
        "createdAt": class_room.created_at,
        "updatedAt": class_room.updated_at,
    }
