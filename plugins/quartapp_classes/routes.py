from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from quart import Blueprint

from quartapp import SIGNED_IN, DomainError, Operation, Refusal, Versioned, core, permission
from quartapp_classes.directory import StudentDirectory
from quartapp_classes.errors import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassNotFoundError,
    NotEnrolledError,
    NotOwnerError,
    StudentNotFoundError,
)
from quartapp_classes.schemas import (
    ClassAnswer,
    ClassBody,
    ClassDetails,
    DeletionQuery,
    StudentAnswer,
    StudentBody,
    StudentsQuery,
)
from quartapp_classes.service import ClassService
from quartapp_classes.versions import version_of

if TYPE_CHECKING:
    from quartapp import Attempt, Principal
    from quartapp_auth import Contact
    from quartapp_classes.models import ClassRoom

    Expected = frozenset[str] | None

blueprint = Blueprint("classes", __name__, url_prefix="/api/v1/class")

TAGS = ("class",)
INVALID = Refusal(400, "Invalid request schema")
CLASS_NOT_FOUND = Refusal(404, "Class not found")
CLASS_EXISTS = Refusal(409, "class already exist")
NOT_OWNER = Refusal(403, "Forbidden, not class teacher")
STUDENT_NOT_FOUND = Refusal(404, "Student not found")


class NoStudentsError(DomainError):
    """The list of students is empty."""


async def create_class(principal: Principal, body: ClassBody, attempt: Attempt) -> dict[str, Any]:
    """Create a class."""
    return class_answer(await _classes().create(principal, body.class_name, attempt))


for path, operation in (("/create-class", "createClass"), ("", "createClassAlias")):
    blueprint.add_url_rule(
        path,
        operation,
        Operation(
            id=operation,
            action="createClass",
            access=permission("class:create", role="teacher"),
            idempotent=True,
            tags=TAGS,
            body=ClassBody,
            invalid=INVALID,
            status=201,
            data=ClassAnswer,
            errors={ClassExistsError: CLASS_EXISTS},
        )(create_class),
        methods=["POST"],
    )


@blueprint.get("")
@Operation(id="listClasses", access=SIGNED_IN, tags=TAGS, data=list[ClassAnswer])
async def list_classes(principal: Principal) -> list[dict[str, Any]]:
    """Return the caller's classes, newest first."""
    return [class_answer(class_room) for class_room in await _classes().of(principal)]


@blueprint.get("/students")
@Operation(
    id="listStudents",
    access=permission("students:read", role="teacher"),
    tags=TAGS,
    query=StudentsQuery,
    invalid=INVALID,
    data=Annotated[list[StudentAnswer], Field(min_length=1)],
    errors={NoStudentsError: Refusal(404, "No students found")},
)
async def list_students(principal: Principal, query: StudentsQuery) -> list[dict[str, Any]]:
    """Return students, or a page of those whose name or address starts with the search text."""
    directory = core().services.get(StudentDirectory)
    students = await directory.students(principal, query.search, query.limit, query.after)
    if not students:
        raise NoStudentsError
    return [{"_id": s.id, "name": s.name, "email": s.email, "role": s.role} for s in students]


@blueprint.get("/<class:class_id>")
@Operation(
    id="getClass",
    etag=True,
    access=SIGNED_IN,
    tags=TAGS,
    data=Annotated[list[ClassDetails], Field(min_length=1, max_length=1)],
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotEnrolledError: Refusal(
            404, "you are not enrolled in the class", also_as="message", code="not-enrolled"
        ),
        NotOwnerError: NOT_OWNER,
    },
)
async def get_class(principal: Principal, class_id: str) -> Versioned:
    """Return a class with its people, to its teacher and its students."""
    service = _classes()
    class_room = await service.readable(class_id, principal)
    teacher, students = await service.people(class_room)
    directory = core().services.get(StudentDirectory)
    teacher, *classmates = directory.seen([teacher, *students], class_room, principal)
    details = [
        {
            "_id": class_room.id,
            "className": class_room.class_name,
            "createdAt": class_room.created_at,
            "updatedAt": class_room.updated_at,
            "teacherId": _person(teacher),
            "studentsIds": [_person(student) for student in classmates],
        }
    ]
    return Versioned(details, version_of(class_room))


@blueprint.patch("/<class:class_id>")
@Operation(
    id="renameClass",
    if_match=True,
    access=permission("class:write", role="teacher"),
    tags=TAGS,
    body=ClassBody,
    invalid=INVALID,
    data=ClassAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        ClassExistsError: CLASS_EXISTS,
    },
)
async def rename_class(
    principal: Principal, class_id: str, body: ClassBody, expected: Expected
) -> dict[str, Any]:
    """Rename a class."""
    return class_answer(
        await _classes().rename(class_id, principal, body.class_name, expected=expected)
    )


@blueprint.delete("/<class:class_id>")
@Operation(
    id="deleteClass",
    if_match=True,
    access=permission("class:write", role="teacher"),
    tags=TAGS,
    query=DeletionQuery,
    invalid=INVALID,
    data=ClassAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        ClassInUseError: (
            Refusal(409, "attendance session is active"),
            Refusal(409, "class has attendance records"),
        ),
    },
    refused_by={"check_deletion": 409},
)
async def delete_class(
    principal: Principal, class_id: str, query: DeletionQuery, expected: Expected
) -> dict[str, Any]:
    """Delete a class."""
    with_records = query.records is not None
    return class_answer(
        await _classes().delete(class_id, principal, with_records=with_records, expected=expected)
    )


@blueprint.post("/<class_id>/add-student")
@Operation(
    id="addStudent",
    if_match=True,
    access=permission("roll:write", role="teacher"),
    idempotent=True,
    tags=TAGS,
    body=StudentBody,
    invalid=INVALID,
    status=201,
    key="ExistingClass",
    data=ClassAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        StudentNotFoundError: STUDENT_NOT_FOUND,
        AlreadyEnrolledError: Refusal(409, "student already exist in class"),
    },
)
async def add_student(
    principal: Principal, class_id: str, body: StudentBody, expected: Expected, attempt: Attempt
) -> dict[str, Any]:
    """Put a student on the roll."""
    return class_answer(
        await _classes().add_student(
            class_id, principal, body.student_id, expected=expected, attempt=attempt
        )
    )


@blueprint.delete("/<class_id>/students/<student_id>")
@Operation(
    id="removeStudent",
    if_match=True,
    access=permission("roll:write", role="teacher"),
    tags=TAGS,
    data=ClassAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_OWNER,
        StudentNotFoundError: STUDENT_NOT_FOUND,
    },
)
async def remove_student(
    principal: Principal, class_id: str, student_id: str, expected: Expected
) -> dict[str, Any]:
    """Take a student off the roll; recorded attendance stays."""
    return class_answer(
        await _classes().remove_student(class_id, principal, student_id, expected=expected)
    )


def class_answer(class_room: ClassRoom) -> dict[str, Any]:
    """Return a class as the API answers it.

    Args:
        class_room: The class.
    """
    return {
        "_id": class_room.id,
        "className": class_room.class_name,
        "teacherId": class_room.teacher_id,
        "studentsIds": list(class_room.students_ids),
        "createdAt": class_room.created_at,
        "updatedAt": class_room.updated_at,
    }


def _person(user: Contact | None) -> dict[str, str | None]:
    # Clients read both fields without a check; a deleted account has neither.
    return {"name": user.name, "email": user.email} if user else {"name": "", "email": ""}


def _classes() -> ClassService:
    return core().services.get(ClassService)
