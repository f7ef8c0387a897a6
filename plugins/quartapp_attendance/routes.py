from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, TooManyStreamsError, core, permission
from quartapp_attendance.errors import NoActiveSessionError, UnknownPositionError
from quartapp_attendance.live.session import statuses
from quartapp_attendance.reading import read_events
from quartapp_attendance.schemas import (
    EventsQuery,
    Schemas,
    SessionQuery,
    StartBody,
    StatusAnswer,
)
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.statuses import StatusRegistry
from quartapp_classes import (
    ClassAnswer,
    ClassNotFoundError,
    ClassService,
    NotEnrolledError,
    NotOwnerError,
    class_answer,
)

if TYPE_CHECKING:
    from quartapp import Attempt, Principal

TAGS = ("attendance",)
CLASS_NOT_FOUND = Refusal(404, "class not found")
INVALID = Refusal(400, "Invalid request schema")


def blueprint(schemas: Schemas) -> Blueprint:
    """Return the routes under /attendance.

    Args:
        schemas: Models with the statuses of this app.
    """
    routes = Blueprint("attendance", __name__, url_prefix="/api/v1/attendance")
    starting = Operation(
        id="startAttendance",
        access=permission("session:start", role="teacher"),
        idempotent=True,
        tags=TAGS,
        body=StartBody,
        invalid=INVALID,
        data=ClassAnswer,
        # The answer for another teacher's class is that of an unknown class, so that nobody learns
        # that it exists.
        errors={ClassNotFoundError: CLASS_NOT_FOUND, NotOwnerError: CLASS_NOT_FOUND},
    )
    reading = Operation(
        id="getSession",
        access=SIGNED_IN,
        tags=TAGS,
        query=SessionQuery,
        data=schemas.session_answer,
        errors={NoActiveSessionError: Refusal(404, "No active attendance session")},
    )
    following = Operation(
        id="readEvents",
        access=SIGNED_IN,
        tags=TAGS,
        query=EventsQuery,
        invalid=INVALID,
        data=str,
        media_type="text/event-stream",
        errors={
            UnknownPositionError: INVALID,
            TooManyStreamsError: Refusal(429, "Too many sockets"),
        },
        fuzz=False,
        why="The answer goes on for as long as the client reads.",
    )
    looking_up = Operation(
        id="getMyAttendance",
        access=permission("attendance:read", role="student"),
        tags=TAGS,
        data=schemas.my_attendance_answer,
        errors={
            ClassNotFoundError: Refusal(404, "Class not found"),
            NotEnrolledError: Refusal(
                403,
                "You are not in the class, please contact your professor/admin",
                code="not-in-class",
            ),
        },
    )
    choosing = Operation(id="listStatuses", access=SIGNED_IN, tags=TAGS, data=list[StatusAnswer])
    routes.post("/start")(starting(start))
    routes.get("/statuses")(choosing(list_statuses))
    routes.get("/session")(reading(session))
    routes.get("/events")(following(read_events))
    routes.get("/<class_id>/my-attendance")(looking_up(my_attendance))
    return routes


async def start(principal: Principal, body: StartBody, attempt: Attempt) -> dict[str, Any]:
    """Start a session, or return the one that is live already."""
    classes = core().services.get(ClassService)
    if body.class_id is not None:
        class_room = await classes.allowed(body.class_id, principal, "session:start")
    else:
        class_room = await classes.taught_by_name(body.class_name.strip(), principal)
    await core().services.get(AttendanceService).start(class_room, attempt, by=principal.id)
    return class_answer(class_room)


async def session(principal: Principal, query: SessionQuery) -> dict[str, Any]:
    """Return the caller's live session, or that of one class, for a client that reconnects."""
    service = core().services.get(AttendanceService)
    document = await service.document_to_read(principal, query.class_id)
    if query.class_id is not None and query.class_id.lower() != str(document["classId"]):
        raise NoActiveSessionError
    try:
        class_room = await core().services.get(ClassService).get(str(document["classId"]))
    except ClassNotFoundError as error:
        raise NoActiveSessionError from error
    shown = await service.shown_to(principal, document)
    return {
        "classId": document["classId"],
        "className": class_room.class_name,
        "startedAt": document["startedAt"],
        "seq": document["seq"],
        "attendance": shown(statuses(document)),
    }


async def my_attendance(principal: Principal, class_id: str) -> dict[str, Any]:
    """Return the student's latest stored record for a class."""
    class_room = await core().services.get(ClassService).enrolled(class_id, principal)
    service = core().services.get(AttendanceService)
    return {
        "classId": class_room.id,
        "status": await service.records.latest_status(class_room.id, principal),
    }


async def list_statuses(principal: Principal) -> list[dict[str, Any]]:
    """Return the statuses that marks can have, for clients that draw them."""
    return [
        {
            "code": status.code,
            "label": status.label,
            "key": status.key,
            "countsAs": status.counts_as,
            "points": None if status.points is None else f"{status.worth:f}",
            "setBy": list(status.set_by),
        }
        for status in core().services.get(StatusRegistry).all
    ]
