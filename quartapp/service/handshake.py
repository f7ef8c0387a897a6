"""The handshake of a WebSocket: the credentials and the origin that a client shows, and refusals.

A browser cannot see why a handshake was refused: its pages learn of the close code 1006 alone. So
the server accepts a socket that it refuses, sends one ``ERROR`` with the reason, and closes it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from quartapp.http.authentication import bearer_token
from quartapp.identity.cookies import is_own_origin
from quartapp.identity.tokens import InvalidTokenError
from quartapp.parts import core
from quartapp.realtime.channel import channel_of
from quartapp.realtime.events import FRAMES
from quartapp.realtime.messages import encode_error
from quartapp.realtime.tickets import TICKET
from quartapp.settings.core import ANY_ORIGIN
from quartapp.settings.reach import is_loopback

if TYPE_CHECKING:
    from quart.wrappers import Websocket

    from quartapp.identity.principal import Principal
    from quartapp.realtime.broadcast import Version
    from quartapp.settings.core import Settings

log = structlog.get_logger("quartapp.socket")

# Longest time that a peer has to take the close frame.
CLOSE_SECONDS = 2.0
# Time between the reason of a refusal and the close: some clients lose a frame that comes in one
# piece with the close.
FAREWELL_SECONDS = 0.05

V1 = "v1"
VERSION_1 = f"quartapp.{V1}"
# Beginning of the subprotocol that carries a token: a browser can set no header of a handshake, but
# the names of subprotocols.
BEARER = "bearer."


def version(socket: Websocket) -> Version:
    """Return the version of frames that a handshake asks for.

    Args:
        socket: The handshake.
    """
    asked = VERSION_1 in socket.requested_subprotocols or socket.args.get(FRAMES) == V1
    return 1 if asked else 0


def shown_token(socket: Websocket) -> tuple[str | None, bool]:
    """Return the token of a handshake, and whether the session cookie carries it.

    A ticket stands for a token: a handshake with both is decided by the ticket alone.

    Args:
        socket: The handshake.
    """
    if TICKET in socket.args:
        return None, False
    offered = (name for name in socket.requested_subprotocols if name.startswith(BEARER))
    by_protocol = next(offered, "").removeprefix(BEARER) if version(socket) else ""
    given = bearer_token(socket.headers) or by_protocol or socket.args.get("token")
    if given is not None:
        return given, False
    kept = core().cookies.token(socket)
    return kept, kept is not None


async def authenticated(socket: Websocket, token: str | None) -> Principal | None:
    """Return the principal of a handshake; None for a missing or bad token or ticket.

    Args:
        socket: The handshake, in which plugins may find other credentials.
        token: The token of the handshake; None without one.

    Raises:
        SignInUnavailableError: Nobody can verify the credentials now.
        DatabaseUnavailableError: The account cannot be looked up now.
        HookFailedError: A plugin failed to verify the credentials.
    """
    parts = core()
    ticket = socket.args.get(TICKET)
    try:
        if ticket is not None:
            # The account may have changed since the ticket was issued.
            return await parts.authenticate.still(await parts.tickets.take(ticket))
        return await parts.authenticate(socket, token)
    except InvalidTokenError:
        return None


def origin_allowed(socket: Websocket, settings: Settings, *, by_cookie: bool = False) -> bool:
    """Tell whether a page may open a socket (RFC 6455, section 10.2).

    Args:
        socket: The handshake. Without the header ``Origin``, no page has made it.
        settings: Settings that may list origins.
        by_cookie: Whether the session cookie carries the token. The browser also sends the cookie
            for pages of other sites, so the origin has to be the server's own, whatever is listed.
    """
    if by_cookie:
        return is_own_origin(socket)
    origin = socket.headers.get("Origin")
    if origin is None or origin in settings.cors_origins or ANY_ORIGIN in settings.cors_origins:
        return True
    allowed = settings.allowed_origins
    if allowed is not None:
        return ANY_ORIGIN in allowed or origin in allowed
    return is_loopback(settings.host) or urlsplit(origin).netloc == socket.host


async def accept(socket: Websocket) -> None:
    """Accept a handshake.

    Args:
        socket: The handshake.
    """
    # The answer names no other protocol that was offered: one of them may be a token.
    agreed = VERSION_1 if VERSION_1 in socket.requested_subprotocols else None
    await socket.accept(subprotocol=agreed)


async def refuse(socket: Websocket, message: str, code: int) -> None:
    """Refuse a handshake in a way that a browser can read: accept, send ``ERROR``, and close.

    Args:
        socket: The handshake.
        message: Message of the ``ERROR``.
        code: Close code.
    """
    await accept(socket)
    await socket.send(encode_error(message))
    await asyncio.sleep(FAREWELL_SECONDS)
    await close(socket, code)


async def close(socket: Websocket, code: int) -> None:
    """Close a socket, and drop the connection of a peer that does not take the close frame.

    Args:
        socket: The socket, which the server has accepted.
        code: Close code.
    """
    try:
        # A peer that does not read would never let the close frame leave.
        await core().clock.wait_for(socket.close(code), CLOSE_SECONDS)
    except TimeoutError:
        log.info("peer takes no close frame", code=code)
        channel_of(socket.scope).wire.abort()
