from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, Refusal, core, permission
from quartapp_classes.errors import (
    ClassExistsError,
    ClassNotFoundError,
    NotOwnerError,
    PrimaryTeacherError,
    TeacherNotFoundError,
    UntilPassedError,
)
from quartapp_classes.routes import CLASS_EXISTS, CLASS_NOT_FOUND, INVALID, NOT_OWNER, TAGS
from quartapp_classes.schemas import RollEntry, TeacherAnswer, TeacherBody
from quartapp_classes.service import ClassService
from quartapp_classes.teacher_changes import TeacherChanges

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_auth import Contact
    from quartapp_classes.teacher_changes import Teacher

    Expected = frozenset[str] | None

teacher_routes = Blueprint("class_teachers", __name__, url_prefix="/api/v1/class")

READING = permission("class:read", role="teacher")
CHANGING = permission("class:write", role="teacher")
TEACHER_NOT_FOUND = Refusal(404, "Teacher not found")
IS_PRIMARY = Refusal(409, "class needs a primary teacher")


@teacher_routes.get("/<class_id>/roll")
@Operation(
    id="getRoll",
    access=READING,
    tags=TAGS,
    data=list[RollEntry],
    errors={ClassNotFoundError: CLASS_NOT_FOUND, NotOwnerError: NOT_OWNER},
)
async def get_roll(principal: Principal, class_id: str) -> list[dict[str, Any]]:
    """Return the students of a class with their ids, in the order of the roll."""
    classes = core().services.get(ClassService)
    class_room = await classes.allowed(class_id, principal, "class:read")
    _, students = await classes.people(class_room)
    return [_roll_entry(student) for student in students]


@teacher_routes.get("/<class_id>/teachers")
@Operation(
    id="listTeachers",
    access=READING,
    tags=TAGS,
    data=list[TeacherAnswer],
    errors={ClassNotFoundError: CLASS_NOT_FOUND, NotOwnerError: NOT_OWNER},
)
async def list_teachers(principal: Principal, class_id: str) -> list[dict[str, Any]]:
    """Return the primary teacher and the co-teachers of a class."""
    return teachers_answer(await _teachers().listed(class_id, principal))


@teacher_routes.put("/<class_id>/teachers/<user_id>")
@Operation(
    id="setTeacher",
    if_match=True,
    access=CHANGING,
    tags=TAGS,
    body=TeacherBody,
    body_required=False,
    invalid=INVALID,
    data=list[TeacherAnswer],
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        TeacherNotFoundError: TEACHER_NOT_FOUND,
        PrimaryTeacherError: IS_PRIMARY,
        UntilPassedError: Refusal(409, "until has passed"),
        ClassExistsError: CLASS_EXISTS,
    },
)
async def set_teacher(
    principal: Principal, class_id: str, user_id: str, body: TeacherBody, expected: Expected
) -> list[dict[str, Any]]:
    """Make somebody a co-teacher, a substitute, or the primary teacher of a class."""
    teachers = _teachers()
    if body.primary:
        changed = teachers.hand_over(class_id, principal, user_id, expected=expected)
    else:
        changed = teachers.add(class_id, principal, user_id, until=body.until, expected=expected)
    return teachers_answer(await changed)


@teacher_routes.delete("/<class_id>/teachers/<user_id>")
@Operation(
    id="removeTeacher",
    if_match=True,
    access=CHANGING,
    tags=TAGS,
    data=list[TeacherAnswer],
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        TeacherNotFoundError: TEACHER_NOT_FOUND,
        PrimaryTeacherError: IS_PRIMARY,
    },
)
async def remove_teacher(
    principal: Principal, class_id: str, user_id: str, expected: Expected
) -> list[dict[str, Any]]:
    """Take a co-teacher off a class."""
    return teachers_answer(
        await _teachers().remove(class_id, principal, user_id, expected=expected)
    )


def _teachers() -> TeacherChanges:
    return core().services.get(TeacherChanges)


def teachers_answer(teachers: list[Teacher]) -> list[dict[str, Any]]:
    """Return teachers of a class as the API answers them.

    Args:
        teachers: The teachers.
    """
    return [
        {**_person(teacher.contact), "primary": teacher.primary, "until": teacher.until}
        for teacher in teachers
    ]


def _roll_entry(student: Contact) -> dict[str, Any]:
    entry = _person(student)
    # Accounts without an address have no such member.
    if not entry["email"]:
        del entry["email"]
    return {**entry, "sortName": sort_name(student.display_name)}


def _person(contact: Contact) -> dict[str, Any]:
    return {
        "_id": contact.id,
        "name": contact.name,
        "displayName": contact.display_name,
        "email": contact.email,
    }


def sort_name(name: str) -> str:
    """Return a name with its last word first, as lists of names are sorted: ``Hopper, Grace``.

    Args:
        name: The name as typed.
    """
    first, _, last = name.rpartition(" ")
    return f"{last}, {first}" if first else last
