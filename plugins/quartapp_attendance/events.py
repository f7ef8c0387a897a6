"""The four events of a roll call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.core import core
from quartapp.realtime.events import EventError, EventType, ServerMessage, encode
from quartapp_attendance.log import NoActiveSessionError, NotOnRollError
from quartapp_attendance.schemas import (
    DoneMessage,
    MarkEvent,
    MarkMessage,
    MyAttendanceMessage,
    SessionEvent,
    SummaryMessage,
)
from quartapp_attendance.service import AttendanceService

if TYPE_CHECKING:
    from quartapp.realtime.hub import Connection

NO_SESSION = "No active attendance session"
NOT_ON_ROLL = "Student not enrolled in class"
UNAVAILABLE = "Service Unavailable"

MARKED = ServerMessage(
    name="ATTENDANCE_MARKED", data=MarkMessage, to_all=True, summary="A mark was stored."
)
SUMMARY = ServerMessage(
    name="TODAY_SUMMARY", data=SummaryMessage, to_all=True, summary="The marks so far, counted."
)
MY_ATTENDANCE = ServerMessage(
    name="MY_ATTENDANCE", data=MyAttendanceMessage, to_all=False, summary="The sender's own mark."
)
DONE = ServerMessage(
    name="DONE", data=DoneMessage, to_all=True, summary="The session is over, its records are kept."
)


async def mark(connection: Connection, data: MarkEvent) -> None:
    """A teacher marks a student."""
    service, principal = _service(), connection.principal
    try:
        session = await service.session_for(principal, data.class_id)
        await service.mark(session, data.student_id.lower(), data.status, principal.id)
    except NoActiveSessionError as error:
        raise EventError(NO_SESSION) from error
    except NotOnRollError as error:
        raise EventError(NOT_ON_ROLL) from error


async def summary(connection: Connection, data: SessionEvent) -> None:
    """A teacher shows the counts to all."""
    service = _service()
    try:
        await service.summarise(await service.session_for(connection.principal, data.class_id))
    except NoActiveSessionError as error:
        raise EventError(NO_SESSION) from error


async def my_attendance(connection: Connection, data: SessionEvent) -> None:
    """A student looks up their own mark."""
    principal = connection.principal
    try:
        session = await _service().session_for(principal, data.class_id)
    except NoActiveSessionError as error:
        raise EventError(NO_SESSION) from error
    status = session.attendance.get(principal.id, "not yet updated")
    connection.post(encode(MY_ATTENDANCE.name, {"status": status}))


async def done(connection: Connection, data: SessionEvent) -> None:
    """A teacher ends the roll call."""
    service = _service()
    try:
        await service.done(await service.session_for(connection.principal, data.class_id))
    except NoActiveSessionError as error:
        raise EventError(NO_SESSION) from error


EVENTS = [
    EventType(
        name="ATTENDANCE_MARKED",
        role="teacher",
        data=MarkEvent,
        handler=mark,
        answers=(MARKED,),
        errors=(NO_SESSION, NOT_ON_ROLL, UNAVAILABLE),
        summary="Mark a student.",
    ),
    EventType(
        name="TODAY_SUMMARY",
        role="teacher",
        data=SessionEvent,
        handler=summary,
        answers=(SUMMARY,),
        errors=(NO_SESSION, UNAVAILABLE),
        summary="Show everybody the counts so far.",
    ),
    EventType(
        name="MY_ATTENDANCE",
        role="student",
        data=SessionEvent,
        handler=my_attendance,
        answers=(MY_ATTENDANCE,),
        errors=(NO_SESSION, UNAVAILABLE),
        summary="Look up one's own mark.",
    ),
    EventType(
        name="DONE",
        role="teacher",
        data=SessionEvent,
        handler=done,
        answers=(DONE,),
        errors=(NO_SESSION, UNAVAILABLE),
        summary="End the session: the unmarked are absent, the records are kept.",
    ),
]


def _service() -> AttendanceService:
    return core().services.get(AttendanceService)
