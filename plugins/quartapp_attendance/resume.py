"""Coming back: what was missed since a number, then what happens from now on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from quartapp import ServerMessage, SocketParameter, core, encode, encode_error
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.events import NO_SESSION
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.service import AttendanceService

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp import Connection, Principal
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.schemas import Schemas

STATE = "SESSION_STATE"
# How long to wait for a number that another process has shown already, and this one has not.
CATCH_UP_SECONDS = 2.0


def since_parameter(schemas: Schemas) -> SocketParameter:
    """``?since=<seq>``: the client has everything up to that number.

    Args:
        schemas: Models with the statuses of this app.
    """
    state = ServerMessage(
        name=STATE,
        data=schemas.state_message,
        to_all=False,
        summary="The session as it is, where what was missed is not known one by one.",
    )
    return SocketParameter(
        name="since",
        pattern="[0-9]{1,16}",
        greet=resume,
        answers=(state,),
        errors={NoActiveSessionError: NO_SESSION},
        summary="The seq up to which the client knows the session.",
    )


async def resume(connection: Connection, value: str) -> Callable[[], None]:
    """What ``connection`` missed since number ``value``, to be sent as it joins.

    Raises:
        NoActiveSessionError: There is no session to come back to.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    since, user_id = int(value), connection.principal.id
    session = await _followed(connection.principal, since)
    if since > session.seq:
        with suppress(TimeoutError):
            await core().clock.wait_for(session.reached(since), CATCH_UP_SECONDS)
        if session.over and since > session.seq:
            # So the number was one of the session that has taken this one's place.
            session = await _followed(connection.principal, since)

    def greet() -> None:
        missed = session.recent.since(since, user_id) if since <= session.seq else None
        if missed is not None:
            connection.post_all(missed)
        elif session.over:
            connection.post(encode_error(NO_SESSION))
        else:
            connection.post(state_of(session, connection.principal))

    return greet


async def _followed(principal: Principal, since: int) -> ActiveSession:
    services = core().services
    try:
        return await services.get(AttendanceService).session_for(principal, None)
    except NoActiveSessionError:
        # It may have ended while the client was away; then its end is what was missed.
        left = services.get(LiveSessions).left(principal.id, since)
        if left is None:
            raise
        return left


def state_of(session: ActiveSession, principal: Principal) -> str:
    """The frame that says all of ``session`` that ``principal`` may know."""
    marks = session.attendance
    if principal.role != "teacher":
        marks = {student: status for student, status in marks.items() if student == principal.id}
    return encode(
        STATE,
        {
            "classId": session.class_id,
            "startedAt": session.started_at,
            "seq": session.seq,
            "attendance": marks,
        },
    )
