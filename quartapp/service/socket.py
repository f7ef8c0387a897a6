"""The one WebSocket route: the life of a socket, from the handshake to the close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from quart import websocket
from quart_cors import cors_exempt
from structlog.contextvars import bind_contextvars

from quartapp.errors import DatabaseUnavailableError, HookFailedError
from quartapp.http.answers import unavailable
from quartapp.identity.principal import SignInUnavailableError
from quartapp.parts import core
from quartapp.realtime.channel import SocketConnection, channel_of
from quartapp.realtime.close_codes import (
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
)
from quartapp.realtime.connection import Connection
from quartapp.realtime.events import PATH, UNAVAILABLE
from quartapp.realtime.messages import FOREIGN_ORIGIN, TOO_MANY_SOCKETS, UNAUTHORIZED
from quartapp.service import handshake
from quartapp.service.frames import serve_frames
from quartapp.service.greetings import prepare_greetings

if TYPE_CHECKING:
    from quart import Quart
    from quart.wrappers import Response, Websocket

    from quartapp.identity.principal import Principal

log = structlog.get_logger("quartapp.socket")


def register_socket(app: Quart) -> None:
    """Add the route to an app.

    Args:
        app: The app.
    """
    app.asgi_websocket_class = SocketConnection
    app.add_websocket(PATH, view_func=serve_socket)


@cors_exempt  # handshake.origin_allowed has the rules for sockets
async def serve_socket() -> Response | None:
    """Serve one socket to its end.

    Returns:
        The answer to a handshake while the server stops; None for every other handshake.
    """
    parts = core()
    current: Websocket = websocket._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    token, by_cookie = handshake.shown_token(current)
    if not handshake.origin_allowed(current, parts.settings, by_cookie=by_cookie):
        await handshake.refuse(current, FOREIGN_ORIGIN, POLICY_VIOLATION)
        return None
    with parts.hub.place() as free:
        if free:
            await _enter(current, token)
        elif parts.hub.draining:
            # A proxy can read this status, and take the client to another server.
            return unavailable().response()
        else:
            await handshake.refuse(current, TOO_MANY_SOCKETS, TRY_AGAIN_LATER)
    return None


async def _enter(current: Websocket, token: str | None) -> None:
    """Find the principal of a handshake, and serve the socket within the limit of the user."""
    try:
        principal = await handshake.authenticated(current, token)
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        await handshake.accept(current)
        await handshake.close(current, INTERNAL_ERROR)
        return
    except (SignInUnavailableError, DatabaseUnavailableError) as error:
        log.warning("sign-in unavailable", reason=str(error))
        await handshake.refuse(current, UNAVAILABLE, TRY_AGAIN_LATER)
        return
    if principal is None:
        await handshake.refuse(current, UNAUTHORIZED, POLICY_VIOLATION)
        return
    with core().hub.place_of(principal.id) as free:
        if free:
            await handshake.accept(current)
            await _take_part(current, principal)
        else:
            await handshake.refuse(current, TOO_MANY_SOCKETS, TRY_AGAIN_LATER)


async def _take_part(current: Websocket, principal: Principal) -> None:
    """Serve an accepted socket: greetings, broadcasts and frames, until its close."""
    channel = channel_of(current.scope)
    connection = Connection(
        *(principal, channel, core().metrics, core().clock, current.remote_addr),
        handshake.version(current),
    )
    bind_contextvars(connection=connection.id, user=principal.id)
    try:
        greetings = await prepare_greetings(connection, current)
        with core().hub.joined(connection):
            # Nothing waits between the join and the greetings, so the next broadcast follows them
            # without a gap.
            for greet in greetings:
                greet()
            if not core().authenticate.joined(principal):
                connection.refuse()
            await serve_frames(connection, channel)
    except Exception as error:
        log.exception("socket handler failed", exc_info=error)
        channel.close(INTERNAL_ERROR)
    finally:
        connection.end()
    await connection.flush()
    await handshake.close(current, channel.close_code or NORMAL_CLOSURE)
