"""The routes of guardians and notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Attempt, Operation, Refusal, Versioned, core, permission
from quartapp_auth import People
from quartapp_classes import StudentNotFoundError
from quartapp_guardians.errors import (
    GuardianNotFoundError,
    SameAddressError,
    TooManyGuardiansError,
)
from quartapp_guardians.guardians import GuardianFields, Guardians
from quartapp_guardians.notices import Notices
from quartapp_guardians.schemas import GuardianAnswer, GuardianBody, NoticeAnswer, NoticesQuery
from quartapp_guardians.settings import GuardiansSettings

if TYPE_CHECKING:
    from quartapp import Document, Principal

    Expected = frozenset[str] | None

guardian_routes = Blueprint("guardians", __name__, url_prefix="/api/v1/student")
notice_routes = Blueprint("absence_notices", __name__, url_prefix="/api/v1/attendance")

MANAGE = "guardians:manage"
ACCESS = permission(MANAGE, role="admin")
TAGS = ("office",)
INVALID = Refusal(400, "Invalid request schema")
STUDENT_NOT_FOUND = Refusal(404, "Student not found")
NOT_FOUND = Refusal(404, "Guardian not found")
SAME_ADDRESS = Refusal(409, "student has a guardian with this address")


@guardian_routes.get("/<student_id>/guardians")
@Operation(
    id="listGuardians",
    access=ACCESS,
    tags=TAGS,
    data=list[GuardianAnswer],
    errors={StudentNotFoundError: STUDENT_NOT_FOUND},
)
async def list_guardians(principal: Principal, student_id: str) -> list[dict[str, Any]]:
    """Return the guardians of a student, ten at most, in the order in which they were added."""
    return [_guardian(one) for one in await _guardians().of(student_id)]


@guardian_routes.post("/<student_id>/guardians")
@Operation(
    id="addGuardian",
    access=ACCESS,
    idempotent=True,
    tags=TAGS,
    body=GuardianBody,
    invalid=INVALID,
    status=201,
    data=GuardianAnswer,
    errors={
        StudentNotFoundError: STUDENT_NOT_FOUND,
        TooManyGuardiansError: Refusal(409, "student has too many guardians"),
        SameAddressError: SAME_ADDRESS,
    },
)
async def add_guardian(
    principal: Principal, student_id: str, body: GuardianBody, attempt: Attempt
) -> dict[str, Any]:
    """Add a guardian to a student."""
    added = await _guardians().add(principal, student_id, _fields(body), attempt=attempt)
    return _guardian(added)


@guardian_routes.get("/<student_id>/guardians/<guardian_id>")
@Operation(
    id="getGuardian",
    etag=True,
    access=ACCESS,
    tags=TAGS,
    data=GuardianAnswer,
    errors={GuardianNotFoundError: NOT_FOUND},
)
async def get_guardian(principal: Principal, student_id: str, guardian_id: str) -> Versioned:
    """Return a guardian, with the entity tag for a change."""
    found = await _guardians().get(student_id, guardian_id)
    return Versioned(_guardian(found), str(found["v"]))


@guardian_routes.put("/<student_id>/guardians/<guardian_id>")
@Operation(
    id="changeGuardian",
    if_match=True,
    access=ACCESS,
    tags=TAGS,
    body=GuardianBody,
    invalid=INVALID,
    data=GuardianAnswer,
    errors={GuardianNotFoundError: NOT_FOUND, SameAddressError: SAME_ADDRESS},
)
async def change_guardian(
    principal: Principal,
    student_id: str,
    guardian_id: str,
    body: GuardianBody,
    expected: Expected,
) -> dict[str, Any]:
    """Give a guardian another name, address or language."""
    return _guardian(
        await _guardians().change(principal, student_id, guardian_id, _fields(body), expected)
    )


@guardian_routes.delete("/<student_id>/guardians/<guardian_id>")
@Operation(
    id="removeGuardian",
    if_match=True,
    access=ACCESS,
    tags=TAGS,
    data=GuardianAnswer,
    errors={GuardianNotFoundError: NOT_FOUND},
)
async def remove_guardian(
    principal: Principal, student_id: str, guardian_id: str, expected: Expected
) -> dict[str, Any]:
    """Remove a guardian of a student."""
    return _guardian(await _guardians().remove(principal, student_id, guardian_id, expected))


@notice_routes.get("/notices")
@Operation(
    id="listAbsenceNotices",
    access=ACCESS,
    tags=TAGS,
    query=NoticesQuery,
    invalid=INVALID,
    data=list[NoticeAnswer],
)
async def list_notices(principal: Principal, query: NoticesQuery) -> list[dict[str, Any]]:
    """Return what guardians were told on a day, and when, in the order of the orders."""
    day = query.date or core().local_day()
    notices = core().services.get(Notices)
    found = await notices.page(day, query.student_id, query.limit, query.after)
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts({one["studentId"] for one in found})
    return [
        _notice(one, names[key].display_name if (key := one["studentId"]) in names else None)
        for one in found
    ]


def _fields(body: GuardianBody) -> GuardianFields:
    language = body.language or core().services.get(GuardiansSettings).language
    return GuardianFields(body.name, body.email, language)


def _guardian(guardian: Document) -> dict[str, Any]:
    names = ("_id", "studentId", "name", "email", "language", "v", "createdAt", "updatedAt")
    return {name: guardian[name] for name in names}


def _notice(notice: Document, student: str | None) -> dict[str, Any]:
    names = ("_id", "studentId", "guardianId", "date", "state", "orderedAt")
    return {
        **{name: notice[name] for name in names},
        "studentName": student,
        "sessions": notice.get("sessions", []),
        **{name: notice.get(name) for name in ("to", "why", "endedAt")},
    }


def _guardians() -> Guardians:
    return core().services.get(Guardians)
