"""The event with which a student checks in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from quartapp import OWN_MESSAGE, EventType, core
from quartapp_attendance import (
    NO_SESSION,
    NOT_ON_ROLL,
    TOO_MANY_REFERENCES,
    AttendanceService,
    MarkRefusedError,
    NoActiveSessionError,
    NotOnRollError,
    TooManyReferencesError,
    marked_message,
)
from quartapp_checkin.errors import CheckInRefusedError
from quartapp_checkin.schemas import CheckInEvent
from quartapp_checkin.service import CheckinService

if TYPE_CHECKING:
    from quartapp import Connection
    from quartapp_attendance import Schemas


REFUSALS = (
    "Check-in is not possible from this network",
    "Too many attempts, wait a moment",
    "Check-in code is wrong or has expired",
    "You are marked already",
)


async def check_in(connection: Connection, data: CheckInEvent) -> None:
    """Check a student in."""
    principal, services = connection.principal, core().services
    checking_in = partial(
        services.get(CheckinService).check_in,
        student=principal,
        code=data.code,
        address=connection.address,
    )
    await services.get(AttendanceService).in_session(
        principal, data.class_id, checking_in, calling=False
    )


def events(schemas: Schemas) -> list[EventType]:
    """Return the event of this plugin."""
    return [
        EventType(
            name="CHECK_IN",
            role="student",
            permission="attendance:read",
            data=CheckInEvent,
            handler=check_in,
            answers=(marked_message(schemas),),
            errors={
                NoActiveSessionError: NO_SESSION,
                CheckInRefusedError: REFUSALS,
                NotOnRollError: NOT_ON_ROLL,
                MarkRefusedError: OWN_MESSAGE,
                TooManyReferencesError: TOO_MANY_REFERENCES,
            },
            summary="Check in with the code that the teacher shows.",
        )
    ]
