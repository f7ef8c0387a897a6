"""The routes with the code that the teacher's client shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import segno
from quart import Blueprint

from quartapp import Operation, Refusal, core, permission
from quartapp_attendance import (
    NO_SESSION,
    AttendanceService,
    NoActiveSessionError,
)
from quartapp_checkin.schemas import CodeAnswer, CodeQuery
from quartapp_checkin.service import CheckinService

if TYPE_CHECKING:
    from quartapp import Principal

QR_SCALE = 8


blueprint = Blueprint("checkin", __name__, url_prefix="/api/v1/attendance")

_SHARED: dict[str, Any] = {
    "access": permission("marks:write", role="teacher"),
    "tags": ("attendance",),
    "query": CodeQuery,
    "invalid": Refusal(400, "Invalid request schema"),
    "errors": {NoActiveSessionError: Refusal(404, NO_SESSION)},
}


@blueprint.get("/checkin-code")
@Operation(id="getCheckinCode", data=CodeAnswer, **_SHARED)
async def checkin_code(principal: Principal, query: CodeQuery) -> dict[str, Any]:
    """Return the current code."""
    session = await core().services.get(AttendanceService).session_for(principal, query.class_id)
    code, seconds = core().services.get(CheckinService).code(session)
    return {"classId": session.class_id, "code": code, "expiresInSeconds": round(seconds, 3)}


@blueprint.get("/checkin-code.svg")
@Operation(id="getCheckinQr", data=str, media_type="image/svg+xml", **_SHARED)
async def checkin_qr(principal: Principal, query: CodeQuery) -> str:
    """Return the current code as a QR code."""
    session = await core().services.get(AttendanceService).session_for(principal, query.class_id)
    code, _ = core().services.get(CheckinService).code(session)
    drawn = io.BytesIO()
    segno.make(code, micro=False).save(drawn, kind="svg", scale=QR_SCALE, xmldecl=False)
    return drawn.getvalue().decode()
