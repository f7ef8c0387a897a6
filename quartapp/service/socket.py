"""The one WebSocket route: authentication, frames in order, and how a socket ends."""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError
from quart import websocket
from quart_cors import cors_exempt
from structlog.contextvars import bind_contextvars

from quartapp.errors import DatabaseUnavailableError, DomainError, HookFailedError
from quartapp.http.answers import ApiError, unavailable
from quartapp.http.authentication import bearer_token
from quartapp.identity.access import allows_by_role
from quartapp.identity.cookies import is_own_origin
from quartapp.identity.principal import SignInUnavailableError
from quartapp.identity.tokens import InvalidTokenError
from quartapp.parts import core
from quartapp.realtime.answering import Answering, answer_to
from quartapp.realtime.channel import Channel, ChannelClosedError, SocketConnection, channel_of
from quartapp.realtime.close_codes import (
    INTERNAL_ERROR,
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
)
from quartapp.realtime.connection import Connection
from quartapp.realtime.events import FRAMES, PATH, UNAVAILABLE, message_for
from quartapp.realtime.handling import HandlerCutError
from quartapp.realtime.messages import (
    INTERNAL,
    INVALID_FORMAT,
    UNAUTHORIZED,
    EventError,
    encode_error,
    parse,
)
from quartapp.realtime.pace import Pace, TooFastError
from quartapp.settings.core import ANY_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import BaseModel
    from quart import Quart
    from quart.wrappers import Response, Websocket

    from quartapp.identity.principal import Principal
    from quartapp.realtime.broadcast import Version
    from quartapp.realtime.events import EventType, SocketParameter
    from quartapp.realtime.handling import Handling
    from quartapp.settings.core import Settings

log = structlog.get_logger("quartapp.socket")

CLOSE_SECONDS = 2.0
FAREWELL_SECONDS = 0.05

V1 = "v1"
VERSION_1 = f"quartapp.{V1}"
# A browser can set no header of a handshake, but the names of protocols.
BEARER = "bearer."

_LOOPBACK = ("127.", "localhost", "::1", "[::1]")


def register_socket(app: Quart) -> None:
    """Add the route to ``app``."""
    app.asgi_websocket_class = SocketConnection
    app.add_websocket(PATH, view_func=serve_socket)


@cors_exempt  # has rules of its own: see origin_allowed
async def serve_socket() -> Response | None:
    """One socket's life."""
    parts = core()
    current: Websocket = websocket._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    token, by_cookie = _token(current)
    if not origin_allowed(current, parts.settings, by_cookie=by_cookie):
        return ApiError(HTTPStatus.FORBIDDEN, "Forbidden, origin not allowed").response()
    with parts.hub.place() as free:
        return await _enter(current, token) if free else unavailable().response()


async def _accept(socket: Websocket) -> None:
    # The answer names no other protocol that was offered: one of them may be a token.
    agreed = VERSION_1 if VERSION_1 in socket.requested_subprotocols else None
    await socket.accept(subprotocol=agreed)


async def _enter(current: Websocket, token: str | None) -> Response | None:
    """Find out whose the socket is, and whether they may have one more."""
    try:
        principal = await _authenticate(current, token)
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        await _accept(current)
        await _close(current, INTERNAL_ERROR)
        return None
    except (SignInUnavailableError, DatabaseUnavailableError) as error:
        log.warning("sign-in unavailable", reason=str(error))
        await _dismiss(current, UNAVAILABLE, TRY_AGAIN_LATER)
        return None
    if principal is None:
        await _dismiss(current, UNAUTHORIZED, POLICY_VIOLATION)
        return None
    with core().hub.place_of(principal.id) as free:
        if not free:
            return unavailable().response()
        await _accept(current)
        await _take_part(current, principal)
    return None


async def _dismiss(socket: Websocket, message: str, code: int) -> None:
    """Let nobody in, and say why: browsers do not show pages the answer to a handshake."""
    await _accept(socket)
    await socket.send(encode_error(message))
    # Some clients lose a frame that comes in one piece with the close.
    await asyncio.sleep(FAREWELL_SECONDS)
    await socket.close(code)


async def _take_part(current: Websocket, principal: Principal) -> None:
    """Everything between the handshake and the close."""
    channel = channel_of(current.scope)
    connection = Connection(
        *(principal, channel, core().metrics, core().clock, current.remote_addr), version(current)
    )
    bind_contextvars(connection=connection.id, user=principal.id)
    try:
        greetings = await _greetings(connection, current)
        with core().hub.joined(connection):
            # No waiting up to here: what a greeting sends is followed by the very next broadcast.
            for greet in greetings:
                greet()
            if not core().authenticate.joined(principal):
                connection.refuse()
            handling = core().watchdog.watch()
            try:
                await _serve_frames(connection, channel, handling)
            finally:
                core().watchdog.forget(handling)
    except Exception as error:
        log.exception("socket handler failed", exc_info=error)
        channel.close(INTERNAL_ERROR)
    finally:
        connection.end()
    await connection.flush()
    if not await _close(current, channel.close_code or NORMAL_CLOSURE):
        connection.abort()


async def _greetings(connection: Connection, socket: Websocket) -> list[Callable[[], None]]:
    """Return the functions to call when ``connection`` joins, by the parameters of its address."""
    greetings: list[Callable[[], None]] = []
    if socket.args.get(FRAMES, V1) != V1:
        greetings.append(partial(connection.tell, EventError(INVALID_FORMAT)))
    for parameter in core().events.parameters:
        value = socket.args.get(parameter.name)
        if value is None:
            continue
        with _refusing(lambda error: greetings.append(partial(connection.tell, error))):
            greetings.append(await _greeting(parameter, connection, value))
    return greetings


async def _serve_frames(connection: Connection, channel: Channel, handling: Handling) -> None:
    parts = core()
    events, settings = parts.events, parts.settings
    pace = Pace(settings.websocket_rate, settings.websocket_burst, parts.clock.monotonic)
    while True:
        try:
            frame = await channel.receive()
            if wait := pace.take():
                # Meanwhile the inbox fills up, and then nothing more is read from the client.
                await channel.pause(wait, parts.clock)
        except ChannelClosedError:
            return
        except TooFastError:
            log.info("client sends too fast, closing")
            channel.close(POLICY_VIOLATION)
            return
        parts.metrics.received.inc()
        answer_to(None)
        with _refusing(connection.tell):
            name, data, ref = parse(frame, with_ref=connection.version == 1)
            if ref is not None:
                answer_to(Answering(connection, ref))
            event = events.get(name)
            with parts.traces.span(f"frame {event.name}"):
                await _receive(event, connection, data, handling)


async def _greeting(
    parameter: SocketParameter, connection: Connection, value: str
) -> Callable[[], None]:
    """Check the value of ``parameter``, and find what is to be done as the connection joins.

    Raises:
        EventError: The value is refused.
        HookFailedError: It took longer than a hook may.
    """
    if re.fullmatch(parameter.pattern, value, re.ASCII) is None:
        raise EventError(INVALID_FORMAT)
    limit = core().clock.timeout(core().settings.hook_timeout)
    try:
        with _translated(parameter):
            async with limit:
                return await parameter.greet(connection, value)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise HookFailedError(
            f"{core().events.owner_of(parameter)}: socket parameter {parameter.name} took longer "
            f"than {core().settings.hook_timeout:g} s"
        ) from error


async def _receive(
    event: EventType, connection: Connection, data: Mapping[str, object], handling: Handling
) -> None:
    """Check the sender and ``data``, then handle.

    Raises:
        EventError: The frame is refused.
        HookFailedError: A hook failed, or the handler took longer than it may.
    """
    principal = connection.principal
    allowed = allows_by_role(principal, core().roles, role=event.role, permission=event.permission)
    if not allowed and not core().grants.in_use:
        raise EventError(event.wrong_role)
    try:
        model = event.data_v1 if connection.version and event.data_v1 else event.data
        payload = model.model_validate(data)
    except ValidationError as error:
        raise EventError(INVALID_FORMAT if allowed else event.wrong_role) from error
    if not allowed and not await _is_granted(event, principal, payload):
        raise EventError(event.wrong_role)
    shown = {name: value for name, value in data.items() if name not in event.secret}
    denied = await core().plugins.authorize(principal, event.name, shown)
    if denied is not None:
        raise EventError(denied.reason)
    try:
        with _translated(event), handling:
            await event.handler(connection, payload)
    except HandlerCutError as error:
        raise HookFailedError(
            f"{core().events.owner_of(event)}: event {event.name} took longer than "
            f"{core().settings.hook_timeout:g} s"
        ) from error.__cause__


async def _is_granted(event: EventType, principal: Principal, payload: BaseModel) -> bool:
    if event.permission is None:
        return False
    return await core().grants.allow(principal, event.permission, payload.model_dump())


@contextmanager
def _translated(declares: EventType | SocketParameter) -> Iterator[None]:
    """Turn the domain errors that ``declares`` names into what the sender is told of them."""
    try:
        yield
    except DomainError as error:
        if isinstance(error, DatabaseUnavailableError):
            log.warning("database unavailable", reason=str(error))
        message = message_for(declares.errors, error)
        if message is None:
            raise
        if message not in (*declares.messages, UNAVAILABLE):
            core().plugins.messages.tell(message, core().events.owner_of(declares))
        raise EventError(message, error.details, error.beside) from error


@contextmanager
def _refusing(answer: Callable[[EventError], object]) -> Iterator[None]:
    """Answer what goes wrong inside with an ``ERROR`` frame; the socket stays open."""
    try:
        yield
    except EventError as error:
        answer(error)
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        answer(EventError(INTERNAL))
    except Exception as error:
        log.exception("frame handler failed", exc_info=error)
        answer(EventError(INTERNAL))


async def _close(socket: Websocket, code: int) -> bool:
    """Close ``socket``; False where its peer takes nothing."""
    try:
        # A peer that does not read would never let the close frame leave.
        await core().clock.wait_for(socket.close(code), CLOSE_SECONDS)
    except TimeoutError:
        log.info("peer takes no close frame", code=code)
        return False
    return True


def _token(socket: Websocket) -> tuple[str | None, bool]:
    """Return the token of a handshake, and whether it is the session cookie that carries it."""
    offered = (name for name in socket.requested_subprotocols if name.startswith(BEARER))
    by_protocol = next(offered, "").removeprefix(BEARER) if version(socket) else ""
    given = bearer_token(socket.headers) or by_protocol or socket.args.get("token")
    if given is not None:
        return given, False
    kept = core().cookies.token(socket)
    return kept, kept is not None


async def _authenticate(socket: Websocket, token: str | None) -> Principal | None:
    try:
        return await core().authenticate(socket, token)
    except InvalidTokenError:
        return None


def version(socket: Websocket) -> Version:
    """Return the version of frames that a handshake asks for.

    Args:
        socket: The handshake.
    """
    asked = VERSION_1 in socket.requested_subprotocols or socket.args.get(FRAMES) == V1
    return 1 if asked else 0


def origin_allowed(socket: Websocket, settings: Settings, *, by_cookie: bool = False) -> bool:
    """Whether the page that opens ``socket``, if it is a page, may do so (RFC 6455, section 10.2).

    Args:
        socket: The handshake.
        settings: Where origins may be listed.
        by_cookie: Whether the token is in the session cookie, which the browser also sends for
            pages of other sites: then the origin has to be the server's own, whatever is listed.
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


def is_loopback(host: str) -> bool:
    """Whether ``host`` is reachable from this machine alone."""
    return host.startswith(_LOOPBACK)
