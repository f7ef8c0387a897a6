"""What the teacher's client shows, and what the student's client sends."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

import segno
from quart import Blueprint

from quartapp.core import core
from quartapp.http.operation import Operation, Refusal
from quartapp.identity.access import role
from quartapp.realtime.events import OWN_MESSAGE, EventType
from quartapp_attendance.errors import MarkRefusedError, NoActiveSessionError, NotOnRollError
from quartapp_attendance.events import NO_SESSION, NOT_ON_ROLL, marked_message
from quartapp_attendance.service import AttendanceService
from quartapp_checkin.schemas import CheckInEvent, CodeAnswer, CodeQuery
from quartapp_checkin.service import CheckInRefusedError, CheckinService

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal
    from quartapp.realtime.connection import Connection
    from quartapp_attendance.schemas import Schemas

QR_SCALE = 8

REFUSALS = (
    "Check-in is not possible from this network",
    "Too many attempts, wait a moment",
    "Check-in code is wrong or has expired",
    "You are marked already",
)

blueprint = Blueprint("checkin", __name__, url_prefix="/api/v1/attendance")

_SHARED: dict[str, Any] = {
    "access": role("teacher"),
    "tags": ("attendance",),
    "query": CodeQuery,
    "invalid": Refusal(400, "Invalid request schema"),
    "errors": {NoActiveSessionError: Refusal(404, NO_SESSION)},
}


@blueprint.get("/checkin-code")
@Operation(id="getCheckinCode", data=CodeAnswer, **_SHARED)
async def checkin_code(principal: Principal, query: CodeQuery) -> dict[str, Any]:
    """The code to show now."""
    session = await core().services.get(AttendanceService).session_for(principal, query.class_id)
    code, seconds = core().services.get(CheckinService).code(session)
    return {"classId": session.class_id, "code": code, "expiresInSeconds": round(seconds, 3)}


@blueprint.get("/checkin-code.svg")
@Operation(id="getCheckinQr", data=str, media_type="image/svg+xml", **_SHARED)
async def checkin_qr(principal: Principal, query: CodeQuery) -> str:
    """The code to show now, as a QR code."""
    session = await core().services.get(AttendanceService).session_for(principal, query.class_id)
    code, _ = core().services.get(CheckinService).code(session)
    drawn = io.BytesIO()
    segno.make(code, micro=False).save(drawn, kind="svg", scale=QR_SCALE, xmldecl=False)
    return drawn.getvalue().decode()


async def check_in(connection: Connection, data: CheckInEvent) -> None:
    """A student checks in."""
    principal, services = connection.principal, core().services
    checking_in = partial(
        services.get(CheckinService).check_in,
        student=principal,
        code=data.code,
        address=connection.address,
    )
    await services.get(AttendanceService).in_session(principal, data.class_id, checking_in)


def events(schemas: Schemas) -> list[EventType]:
    """The one event."""
    return [
        EventType(
            name="CHECK_IN",
            role="student",
            data=CheckInEvent,
            handler=check_in,
            answers=(marked_message(schemas),),
            errors={
                NoActiveSessionError: NO_SESSION,
                CheckInRefusedError: REFUSALS,
                NotOnRollError: NOT_ON_ROLL,
                MarkRefusedError: OWN_MESSAGE,
            },
            summary="Check in with the code that the teacher shows.",
        )
    ]
