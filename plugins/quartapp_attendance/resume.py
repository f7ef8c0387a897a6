"""The resumption of a lost connection: first the missed broadcasts, then the new ones."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from quart import websocket

from quartapp import EventError, SocketParameter, core, encode
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.events import NO_SESSION, about_session
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.live.telling import beside
from quartapp_attendance.schemas import EndedMessage, ResumedMessage, StartedMessage
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.words import CLASS_ID, ENDED, RESUMED, SINCE, STARTED, STATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp import Connection, Principal
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.schemas import Schemas

# Time to wait for a number that another process has shown but this process has not, in seconds.
CATCH_UP_SECONDS = 2.0


def since_parameters(schemas: Schemas) -> list[SocketParameter]:
    """Return the parameter ``since``, and ``classId``, which says whose number ``since`` is.

    Args:
        schemas: Models with the statuses of this app.
    """
    state = about_session(
        name=STATE,
        data=schemas.state_message,
        to_all=False,
        summary="The session as it is, where what was missed is not known one by one.",
    )
    resumed = about_session(
        name=RESUMED,
        data=ResumedMessage,
        to_all=False,
        summary="The end of what was missed; live frames follow. In version 1.",
    )
    started = about_session(
        name=STARTED,
        data=StartedMessage,
        to_all=True,
        summary="A session has begun. In version 1.",
    )
    ended = about_session(
        name=ENDED,
        data=EndedMessage,
        to_all=True,
        summary="A session has ended without DONE. In version 1.",
    )
    return [
        SocketParameter(
            name="since",
            pattern=SINCE,
            greet=resume,
            answers=(state, resumed, started, ended),
            errors={NoActiveSessionError: NO_SESSION},
            summary="The seq up to which the client knows its session; classId:seq for several.",
        ),
        SocketParameter(
            name="classId",
            pattern=CLASS_ID,
            greet=_nothing,
            database=False,
            summary="The class whose session the number in since is of.",
        ),
    ]


async def _nothing(_: Connection, __: str) -> Callable[[], None]:
    return _say_nothing


def _say_nothing() -> None:
    """Send no frame."""


async def resume(connection: Connection, value: str) -> Callable[[], None]:
    """Prepare the broadcasts that a connection has missed.

    Args:
        connection: The connection.
        value: Number of the last broadcast that the client has, or such numbers by class.

    Returns:
        A function that sends the missed broadcasts; called when the connection joins.

    Raises:
        NoActiveSessionError: No session is live, and none has recently ended.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    if ":" not in value:
        class_id = websocket.args.get("classId")
        if class_id is not None and re.fullmatch(CLASS_ID, class_id) is None:
            return _say_nothing  # the parameter classId is refused itself
        return await resume_one(connection, class_id, int(value))
    greetings: list[Callable[[], None]] = []
    for class_id, _, number in (part.partition(":") for part in value.split(",")):
        try:
            greetings.append(await resume_one(connection, class_id, int(number)))
        except NoActiveSessionError:
            greetings.append(lambda: connection.tell(EventError(NO_SESSION)))

    def greet() -> None:
        for each in greetings:
            each()

    return greet


async def resume_one(
    connection: Connection, class_id: str | None, since: int
) -> Callable[[], None]:
    """Prepare the broadcasts of one session that a connection has missed.

    Args:
        connection: The connection.
        class_id: ``_id`` of the session's class; None for the session that events act on.
        since: Number of the last broadcast that the client has.

    Returns:
        As for :func:`resume`.

    Raises:
        NoActiveSessionError: No session is live, and none has recently ended.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    session = await _followed(connection.principal, class_id, since)
    if since > session.seq:
        with suppress(TimeoutError):
            await core().clock.wait_for(session.reached(since), CATCH_UP_SECONDS)
        if session.over and since > session.seq:
            # The number belongs to the session that was live before this one.
            session = await _followed(connection.principal, class_id, since)
    shown = await core().services.get(AttendanceService).shown_to(connection.principal, session)
    return lambda: _greet(connection, session, since, shown)


def _greet(
    connection: Connection,
    session: ActiveSession,
    since: int,
    shown: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    user_id, version = connection.principal.id, connection.version
    missed = None
    if since <= session.seq:
        missed = session.broadcasts.since(since, user_id, version)
    if missed is not None:
        connection.post_all(missed)
    elif not session.over:
        telling = core().services.get(Projector).telling
        telling.answer(connection, session, STATE, _state_of(session, shown))
    # Frames without a version have none that says that a session has ended without DONE.
    told = missed and (version or session.state == SessionState.CLOSED)
    if session.over and not told:
        connection.tell(EventError(NO_SESSION))
    elif version:
        count = {"missed": len(missed or ())}
        connection.post(encode(RESUMED, count, beside(session, session.seq)))


async def _followed(principal: Principal, class_id: str | None, since: int) -> ActiveSession:
    services = core().services
    try:
        service = services.get(AttendanceService)
        found = await service.session_for(principal, class_id)
    except NoActiveSessionError:
        found = None
    if found is not None and (class_id is None or str(found.class_id) == class_id.lower()):
        return found
    # The session may have ended while the client was away; then its end is what the client missed.
    left = services.get(LiveSessions).left(principal.id, since, class_id)
    if left is None:
        raise NoActiveSessionError
    return left


def _state_of(
    session: ActiveSession, shown: Callable[[dict[str, str]], dict[str, str]]
) -> dict[str, object]:
    return {
        "classId": session.class_id,
        "startedAt": session.started_at,
        "seq": session.seq,
        "attendance": shown(session.attendance),
    }
