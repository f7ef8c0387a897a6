"""The resumption of a lost connection: first the missed broadcasts, then the new ones."""

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
# Time to wait for a number that another process has shown but this process has not, in seconds.
CATCH_UP_SECONDS = 2.0


def since_parameter(schemas: Schemas) -> SocketParameter:
    """Return the parameter ``?since=<seq>``: the client has all broadcasts up to that number.

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
    """Prepare the broadcasts that a connection has missed.

    Args:
        connection: The connection.
        value: Number of the last broadcast that the client has.

    Returns:
        A function that sends the missed broadcasts; called when the connection joins.

    Raises:
        NoActiveSessionError: No session is live, and none has recently ended.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    since, user_id = int(value), connection.principal.id
    session = await _followed(connection.principal, since)
    if since > session.seq:
        with suppress(TimeoutError):
            await core().clock.wait_for(session.reached(since), CATCH_UP_SECONDS)
        if session.over and since > session.seq:
            # The number belongs to the session that was live before this one.
            session = await _followed(connection.principal, since)

    def greet() -> None:
        missed = session.broadcasts.since(since, user_id) if since <= session.seq else None
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
        # The session may have ended while the client was away; then its end is what the client
        # missed.
        left = services.get(LiveSessions).left(principal.id, since)
        if left is None:
            raise
        return left


def state_of(session: ActiveSession, principal: Principal) -> str:
    """Return the frame with everything about a session that a principal may know.

    Args:
        session: The session.
        principal: The user who reconnects.
    """
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
