"""The four events of a roll call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from quartapp import OWN_MESSAGE, EventType, ServerMessage, core, encode
from quartapp_attendance.errors import MarkRefusedError, NoActiveSessionError, NotOnRollError
from quartapp_attendance.schemas import NOT_YET, MarkEvent, Schemas, SessionEvent
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.statuses import Mark
from quartapp_attendance.words import DONE, MARKED, MY_ATTENDANCE, SUMMARY

if TYPE_CHECKING:
    from quartapp import Connection

NO_SESSION = "No active attendance session"
NOT_ON_ROLL = "Student not enrolled in class"


async def mark(connection: Connection, data: MarkEvent) -> None:
    """Store the mark that a teacher sends."""
    service, principal = _service(), connection.principal
    made = Mark(data.student_id.lower(), data.status, principal.id)
    await service.in_session(principal, data.class_id, partial(service.mark, mark=made))


async def summary(connection: Connection, data: SessionEvent) -> None:
    """Show the counts to the whole session."""
    service = _service()
    await service.in_session(connection.principal, data.class_id, service.summarise)


async def my_attendance(connection: Connection, data: SessionEvent) -> None:
    """Answer a student's question for their own mark."""
    principal = connection.principal
    session = await _service().session_for(principal, data.class_id, calling=False)
    status = session.attendance.get(principal.id, NOT_YET)
    connection.post(encode(MY_ATTENDANCE, {"status": status}))


async def done(connection: Connection, data: SessionEvent) -> None:
    """End the session."""
    service = _service()
    await service.in_session(connection.principal, data.class_id, service.done)


def marked_message(schemas: Schemas) -> ServerMessage:
    """Return the message that broadcasts a mark."""
    return ServerMessage(
        name=MARKED, data=schemas.mark_message, to_all=True, summary="A mark was stored."
    )


def events(schemas: Schemas) -> list[EventType]:
    """Return the four events of a roll call.

    Args:
        schemas: Models with the statuses of this app.
    """
    marked = marked_message(schemas)
    counted = ServerMessage(
        name=SUMMARY,
        data=schemas.summary_message,
        to_all=True,
        summary="The marks so far, counted.",
    )
    looked_up = ServerMessage(
        name=MY_ATTENDANCE,
        data=schemas.my_attendance_message,
        to_all=False,
        summary="The sender's own mark.",
    )
    over = ServerMessage(
        name=DONE,
        data=schemas.done_message,
        to_all=True,
        summary="The session is over, its records are kept.",
    )
    return [
        EventType(
            name=MARKED,
            role="teacher",
            permission="marks:write",
            data=schemas.mark_event,
            handler=mark,
            answers=(marked,),
            errors={
                NoActiveSessionError: NO_SESSION,
                NotOnRollError: NOT_ON_ROLL,
                MarkRefusedError: OWN_MESSAGE,
            },
            summary="Mark a student.",
        ),
        EventType(
            name=SUMMARY,
            role="teacher",
            permission="marks:write",
            data=SessionEvent,
            handler=summary,
            answers=(counted,),
            errors={NoActiveSessionError: NO_SESSION},
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


def _service() -> AttendanceService:
    return core().services.get(AttendanceService)
