"""The events of a roll call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from quartapp import OWN_MESSAGE, EventType, ServerMessage, core
from quartapp_attendance.errors import (
    ConflictError,
    MarkRefusedError,
    NoActiveSessionError,
    NotOnRollError,
    TooManyReferencesError,
)
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.schemas import (
    NOT_YET,
    MarkEvent,
    MarkEventV1,
    RestEvent,
    RestMessage,
    Schemas,
    SessionEvent,
    SessionMembers,
)
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.statuses import ANY, Mark
from quartapp_attendance.words import (
    DONE,
    MARK_REST,
    MARKED,
    MARKED_REST,
    MY_ATTENDANCE,
    ROLL_MARKED,
    SUMMARY,
)

if TYPE_CHECKING:
    from quartapp import Connection
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.live.telling import Telling

NO_SESSION = "No active attendance session"
NOT_ON_ROLL = "Student not enrolled in class"
CONFLICT = "Conflict"
TOO_MANY_REFERENCES = "Too many references"

# Declares a message about a session: its frames can name the class and the number.
about_session = partial(ServerMessage, beside=SessionMembers)


async def mark(connection: Connection, data: MarkEvent | MarkEventV1) -> None:
    """Store the mark that a teacher sends."""
    service, principal = _service(), connection.principal
    made = Mark(data.student_id.lower(), data.status, principal.id)
    expected = data.condition if isinstance(data, MarkEventV1) else ANY
    storing = partial(service.mark, mark=made, expected=expected)
    await service.in_session(principal, data.class_id, storing)


async def mark_rest(connection: Connection, data: RestEvent) -> None:
    """Mark everybody who has no mark."""
    service, principal = _service(), connection.principal

    async def marking(session: ActiveSession) -> None:
        marked, last = await service.mark_rest(session, data.status, principal.id)
        # Other changes may have been shown meanwhile, so the answer has the number of the marks.
        answer = {"marked": len(marked)}
        _telling().answer(connection, session, MARKED_REST, answer, seq=last)

    await service.in_session(principal, data.class_id, marking)


async def summary(connection: Connection, data: SessionEvent) -> None:
    """Show the counts to the whole session."""
    service = _service()
    await service.in_session(connection.principal, data.class_id, service.summarise)


async def my_attendance(connection: Connection, data: SessionEvent) -> None:
    """Answer a student's question for their own mark."""
    principal = connection.principal
    session = await _service().session_for(principal, data.class_id, calling=False)
    status = session.attendance.get(principal.id, NOT_YET)
    _telling().answer(connection, session, MY_ATTENDANCE, {"status": status})


async def done(connection: Connection, data: SessionEvent) -> None:
    """End the session."""
    service, principal = _service(), connection.principal
    await service.in_session(principal, data.class_id, partial(service.done, by=principal.id))


def marked_message(schemas: Schemas) -> ServerMessage:
    """Return the message that broadcasts a mark."""
    return about_session(
        name=MARKED,
        data=schemas.mark_message,
        to_all=True,
        summary="A mark was stored, or taken back.",
    )


def events(schemas: Schemas) -> list[EventType]:
    """Return the events of a roll call.

    Args:
        schemas: Models with the statuses of this app.
    """
    marked = marked_message(schemas)
    counted = about_session(
        name=SUMMARY,
        data=schemas.summary_message,
        to_all=True,
        summary="The marks so far, counted.",
    )
    looked_up = about_session(
        name=MY_ATTENDANCE,
        data=schemas.my_attendance_message,
        to_all=False,
        summary="The sender's own mark.",
    )
    over = about_session(
        name=DONE,
        data=schemas.done_message,
        to_all=True,
        summary="The session is over, its records are kept.",
    )
    marked_rest = about_session(
        name=MARKED_REST,
        data=RestMessage,
        to_all=False,
        summary="The amount of marks that were made.",
    )
    roll_marked = about_session(
        name=ROLL_MARKED,
        data=schemas.roll_message,
        to_all=True,
        summary="Several marks were stored together. In version 1.",
    )
    return [
        EventType(
            name=MARKED,
            role="teacher",
            permission="marks:write",
            data=schemas.mark_event,
            data_v1=schemas.mark_event_v1,
            refusal=schemas.conflict,
            handler=mark,
            answers=(marked,),
            errors={
                NoActiveSessionError: NO_SESSION,
                NotOnRollError: NOT_ON_ROLL,
                MarkRefusedError: OWN_MESSAGE,
                ConflictError: CONFLICT,
                TooManyReferencesError: TOO_MANY_REFERENCES,
            },
            # The marks of one socket are stored together, like those of several.
            overlaps=True,
            summary="Mark a student.",
        ),
        EventType(
            name=MARK_REST,
            role="teacher",
            permission="marks:write",
            data=schemas.rest_event,
            handler=mark_rest,
            answers=(marked_rest, roll_marked, marked),
            errors={
                NoActiveSessionError: NO_SESSION,
                TooManyReferencesError: TOO_MANY_REFERENCES,
            },
            summary="Mark everybody on the roll who has no mark.",
        ),
        EventType(
            name=SUMMARY,
            role="teacher",
            permission="marks:write",
            data=SessionEvent,
            handler=summary,
            answers=(counted,),
            errors={
                NoActiveSessionError: NO_SESSION,
                TooManyReferencesError: TOO_MANY_REFERENCES,
            },
            summary="Show everybody the counts so far.",
        ),
        EventType(
            name=MY_ATTENDANCE,
            role="student",
            permission="attendance:read",
            data=SessionEvent,
            handler=my_attendance,
            answers=(looked_up,),
            errors={NoActiveSessionError: NO_SESSION},
            summary="Look up one's own mark.",
        ),
        EventType(
            name=DONE,
            role="teacher",
            permission="marks:write",
            data=SessionEvent,
            handler=done,
            answers=(over,),
            errors={NoActiveSessionError: NO_SESSION},
            summary="End the session: the unmarked are absent, the records are kept.",
        ),
    ]


def _telling() -> Telling:
    return core().services.get(Projector).telling


def _service() -> AttendanceService:
    return core().services.get(AttendanceService)
