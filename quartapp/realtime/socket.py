"""The one WebSocket route: authentication, frames in order, and how a socket ends."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import structlog
from quart import websocket
from quart.asgi import ASGIWebsocketConnection

from quartapp.core import core
from quartapp.dispatcher import HookFailedError
from quartapp.errors import ApiError, DatabaseUnavailableError
from quartapp.realtime.events import EventError, encode_error, parse
from quartapp.realtime.frames import WIRE_EXTENSION, text_message
from quartapp.realtime.hub import (
    INTERNAL_ERROR,
    MESSAGE_TOO_BIG,
    POLICY_VIOLATION,
    Connection,
)
from quartapp.security import InvalidTokenError, Principal, bearer_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from quart import Quart
    from quart.wrappers import Response, Websocket

    from quartapp.realtime.hub import Send
    from quartapp.settings import Settings

log = structlog.get_logger("quartapp.socket")

PATH = "/ws"
UNAUTHORIZED = "Unauthorized or invalid token"
MAX_FRAME_BYTES = 64 * 1024
INBOX_FRAMES = 16
CLOSE_SECONDS = 2.0
NORMAL_CLOSURE = 1000

_CHANNEL = "quartapp.channel"
_LOOPBACK = ("127.", "localhost", "::1", "[::1]")


class ChannelClosedError(Exception):
    """No further frame of this socket is to be handled."""


class Channel:
    """The frames of one socket.

    What comes in is kept in a bounded inbox. While it is full the server does not read from the
    socket, so a client that sends faster than we store is slowed down by TCP and fills no memory.

    Args:
        send: The ASGI server's send.
        write: Its shorter way for frames that are ready for the wire, if it has one; returns
            whether it took them.
    """

    __slots__ = ("_changed", "_disconnected", "_inbox", "close_code", "send", "write")

    def __init__(self, send: Send, write: Callable[[bytes], bool] | None = None) -> None:
        self.send = send
        self.write = write or _refuse
        self.close_code: int | None = None
        self._inbox: deque[str | bytes | None] = deque()
        self._changed: asyncio.Future[None] | None = None
        self._disconnected = False

    async def put(self, frame: str | bytes | None) -> None:
        """Keep a frame that came in; wait while the inbox is full."""
        while len(self._inbox) >= INBOX_FRAMES and self.close_code is None:
            await self._change()
        self._inbox.append(frame)
        self._wake()

    async def receive(self) -> str | bytes | None:
        """The next frame; what came in before a disconnect is still handed out.

        Raises:
            ChannelClosedError: The peer is gone, or :meth:`close` was called.
        """
        while self.close_code is None:
            if self._inbox:
                frame = self._inbox.popleft()
                self._wake()
                return frame
            if self._disconnected:
                break
            await self._change()
        raise ChannelClosedError

    def disconnect(self) -> None:
        """The peer is gone."""
        self._disconnected = True
        self._wake()

    def close(self, code: int) -> None:
        """Hand out no further frame; the first code given is what the peer gets."""
        if self.close_code is None:
            self.close_code = code
        self._wake()

    async def _change(self) -> None:
        # Reader and writer never wait at once: one waits for a frame, the other for room.
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


class SocketConnection(ASGIWebsocketConnection):
    """Quart's ASGI connection with a bounded inbox.

    Quart would put frames in a queue without end, and cancel the handler in the middle of a frame
    when the peer leaves. Here the handler finishes what was received.
    """

    async def __call__(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the socket."""
        scope = cast("dict[str, Any]", self.scope)
        channel = Channel(cast("Send", send), scope.get("extensions", {}).get(WIRE_EXTENSION))
        scope[_CHANNEL] = channel
        websocket = self._create_websocket_from_scope(send)
        receiver = asyncio.ensure_future(_fill(channel, receive))
        try:
            await self.handle_websocket(websocket, send)
        finally:
            receiver.cancel()


def _refuse(_: bytes) -> bool:
    return False


async def _fill(channel: Channel, receive: Callable[[], Awaitable[Any]]) -> None:
    try:
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.receive":
                text = event.get("text")
                if text is not None and _too_big(text):
                    channel.close(MESSAGE_TOO_BIG)
                    return
                await channel.put(event.get("bytes") if text is None else text)
    finally:
        channel.disconnect()


def _too_big(text: str) -> bool:
    # Servers limit the bytes of a binary frame, and of a text frame the characters.
    return len(text) * 4 > MAX_FRAME_BYTES and len(text.encode()) > MAX_FRAME_BYTES


def register_socket(app: Quart) -> None:
    """Add the route to ``app``."""
    app.asgi_websocket_class = SocketConnection
    app.add_websocket(PATH, view_func=serve_socket)


async def serve_socket() -> Response | None:
    """One socket's life."""
    parts = core()
    current: Websocket = websocket._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    if not origin_allowed(current, parts.settings):
        return ApiError(HTTPStatus.FORBIDDEN, "Forbidden, origin not allowed").response()
    await current.accept()
    channel: Channel = cast("dict[str, Any]", current.scope)[_CHANNEL]
    try:
        principal = await _authenticate(current)
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        await _close(current, INTERNAL_ERROR)
        return None
    if principal is None:
        await channel.send(text_message(encode_error(UNAUTHORIZED)))
        await current.close(POLICY_VIOLATION)
        return None
    connection = Connection(principal, channel, current.remote_addr)
    try:
        greetings = await _greetings(connection, current)
    except Exception as error:
        log.exception("greeting failed", user=principal.id, exc_info=error)
        await _close(current, INTERNAL_ERROR)
        return None
    with parts.hub.joined(connection):
        # No waiting up to here: what a greeting sends is followed by the very next broadcast.
        for greet in greetings:
            greet()
        try:
            await _serve_frames(connection, channel)
        except Exception as error:
            log.exception("socket handler failed", user=principal.id, exc_info=error)
            channel.close(INTERNAL_ERROR)
        await connection.flush()
    await _close(current, channel.close_code or NORMAL_CLOSURE)
    return None


async def _greetings(connection: Connection, socket: Websocket) -> list[Callable[[], None]]:
    """What is to be done as ``connection`` joins, by the parameters of its address."""
    greetings: list[Callable[[], None]] = []
    for parameter in core().events.parameters:
        value = socket.args.get(parameter.name)
        if value is None:
            continue
        with _refusing(lambda frame: greetings.append(partial(connection.post, frame))):
            greetings.append(await parameter.receive(connection, value))
    return greetings


async def _serve_frames(connection: Connection, channel: Channel) -> None:
    events = core().events
    while True:
        try:
            frame = await channel.receive()
        except ChannelClosedError:
            return
        with _refusing(connection.post):
            name, data = parse(frame)
            await events.get(name).receive(connection, data)


@contextmanager
def _refusing(answer: Callable[[str], object]) -> Iterator[None]:
    """What goes wrong inside is answered with an ``ERROR`` frame, and that is all."""
    try:
        yield
    except HookFailedError as error:
        log.error("hook failed", reason=str(error), exc_info=error.__cause__)
        answer(encode_error("Internal Server Error"))
    except EventError as error:
        answer(encode_error(error.message))
    except DatabaseUnavailableError as error:
        log.warning("database unavailable", reason=str(error))
        answer(encode_error("Service Unavailable"))


async def _close(socket: Websocket, code: int) -> None:
    try:
        # A peer that does not read would never let the close frame leave.
        await asyncio.wait_for(socket.close(code), CLOSE_SECONDS)
    except TimeoutError:
        log.info("peer takes no close frame", code=code)


async def _authenticate(socket: Websocket) -> Principal | None:
    token = bearer_token(socket.headers) or socket.args.get("token")
    try:
        return await core().authenticate(socket, token)
    except InvalidTokenError:
        return None


def origin_allowed(socket: Websocket, settings: Settings) -> bool:
    """Whether the page that opens ``socket``, if it is a page, may do so (RFC 6455, section 10.2).

    Args:
        socket: The handshake.
        settings: Where origins may be listed.
    """
    origin = socket.headers.get("Origin")
    if origin is None:
        return True
    allowed = settings.allowed_origins
    if allowed is not None:
        return "*" in allowed or origin in allowed
    return is_loopback(settings.host) or urlsplit(origin).netloc == socket.host


def is_loopback(host: str) -> bool:
    """Whether ``host`` is reachable from this machine alone."""
    return host.startswith(_LOOPBACK)
