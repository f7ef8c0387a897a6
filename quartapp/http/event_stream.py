"""Event streams: the frames of a socket as server-sent events, for clients that only read.

Some networks break WebSockets, and let plain HTTP through. A stream joins the same hub as the
sockets, and so gets the same frames in the same order, within the same limits. The format is that
of the HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
from pydantic_core import from_json
from quart import request
from quart.wrappers import Response

from quartapp.errors import DomainError
from quartapp.http.answers import unavailable
from quartapp.parts import core
from quartapp.realtime.channel import Channel, ChannelClosedError
from quartapp.realtime.close_codes import NORMAL_CLOSURE
from quartapp.realtime.connection import Connection
from quartapp.realtime.messages import TOO_MANY_SOCKETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from quartapp.clock import Clock
    from quartapp.identity.principal import Principal
    from quartapp.realtime.wire import Message, Packed

    Greet = Callable[[Connection], Awaitable[Callable[[], None]]]
    Position = Callable[[Mapping[str, Any]], str | None]  # of a frame, which is JSON

log = structlog.get_logger("quartapp.http")

MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
"""Header in which a client that comes back names the last event that it has."""
# Name of our own ASGI extension, with which a server offers a :class:`ResponseWire`.
RESPONSE_WIRE = "quartapp.http.wire"
# Longest time that a peer has to take the last event.
CLOSE_SECONDS = 2.0
RETRY_MILLISECONDS = 2000
_COMMENT = ":\n\n"
_STREAM = "quartapp.stream"


class TooManyStreamsError(DomainError):
    """The user has as many open sockets and streams as one user may have."""

    def __init__(self) -> None:
        super().__init__(TOO_MANY_SOCKETS)


class ResponseWire(Protocol):
    """Direct access to the connection of a response."""

    def expect_silence(self) -> None:
        """Let the peer send nothing for as long as the connection lasts."""

    def abort(self) -> None:
        """Drop the connection at once, together with what is not sent yet."""


class EventStream(Response):
    """A response that goes on until the connection is closed.

    Args:
        connection: The connection, as the hub knows it.
        channel: The channel of the connection.
        pipe: The end of the channel where its frames come out.
        position: Function that returns the id of a frame's event.
        clock: Clock that measures how long the peer takes for the last event.
    """

    def __init__(
        self,
        connection: Connection,
        channel: Channel,
        pipe: Pipe,
        position: Position,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._pipe = pipe
        self._clock = clock
        self._position = position
        self._over = asyncio.Event()
        self._joined = ExitStack()
        self._places = ExitStack()
        self._watching: asyncio.Task[None] | None = None
        super().__init__(
            self._events(),
            mimetype=MEDIA_TYPE,
            headers={
                "Cache-Control": "no-store",
                # The length of a stream is unknown, so nothing can follow it on the connection.
                "Connection": "close",
                # nginx would otherwise keep events until a buffer is full.
                "X-Accel-Buffering": "no",
            },
        )
        self.timeout = None

    def join(self, joined: ExitStack, places: ExitStack) -> None:
        """Begin to take part.

        Args:
            joined: What ends when the connection begins to close.
            places: What ends with the response.
        """
        self._joined, self._places = joined, places
        self._watching = asyncio.ensure_future(self._watch())

    def left(self) -> None:
        """Note that the client has left."""
        self._channel.disconnect()

    async def finish(self) -> None:
        """Give back everything that the stream holds, after its last event."""
        self._over.set()
        self._pipe.end()
        self._channel.disconnect()
        if self._watching is not None:
            await self._watching
        self._places.close()

    async def _watch(self) -> None:
        """Wait until the connection closes, and see to it that the response ends soon after."""
        with suppress(ChannelClosedError):
            await self._channel.receive()
        self._joined.close()
        await self._connection.flush()
        self._pipe.end()
        try:
            await self._clock.wait_for(self._over.wait(), CLOSE_SECONDS)
        except TimeoutError:
            log.info("peer takes no events", connection=self._connection.id)
            self._connection.abort()

    async def _events(self) -> AsyncIterator[str]:
        # Without an event, a client would not learn whether it is connected.
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        async for frame in self._pipe:
            yield _COMMENT if frame is None else self._event(frame)
        code = self._channel.close_code or NORMAL_CLOSURE
        yield f'event: close\ndata: {{"code":{code}}}\n\n'

    def _event(self, frame: str) -> str:
        position = self._position(from_json(frame))
        identified = "" if position is None else f"id: {position}\n"
        return f"{identified}data: {frame}\n\n"


class Pipe:
    """The way of frames from a connection to a response, which takes one after the other.

    A sender waits until the response has taken the frame before. So a response whose peer does not
    read makes the connection's bounded outbox overflow, as a socket does.

    Args:
        clock: Clock that measures the heartbeat.
        heartbeat: Longest time between two events, in seconds.
    """

    def __init__(self, clock: Clock, heartbeat: float) -> None:
        self._clock = clock
        self._heartbeat = heartbeat
        self._frame: str | None = None
        self._ended = False
        # What the response waits for, and what the sender waits for.
        self._news: asyncio.Future[None] | None = None
        self._free: asyncio.Future[None] | None = None

    async def send(self, message: Message) -> None:
        """Hand over a frame; drop the frame if the response is over.

        Args:
            message: ASGI message that would send the frame over a socket.
        """
        while self._frame is not None and not self._ended:
            self._free = asyncio.get_running_loop().create_future()
            await self._free
        if not self._ended:
            self._frame = message["text"]
            _wake(self._news)

    def end(self) -> None:
        """Let the response end after the frame that it was handed over."""
        self._ended = True
        _wake(self._news)
        _wake(self._free)

    async def __aiter__(self) -> AsyncIterator[str | None]:
        """Return the frames in their order, and None after a time without one."""
        while True:
            if self._frame is not None:
                frame, self._frame = self._frame, None
                _wake(self._free)
                yield frame
            elif self._ended:
                return
            else:
                self._news = asyncio.get_running_loop().create_future()
                try:
                    await self._clock.wait_for(self._news, self._heartbeat)
                except TimeoutError:
                    yield None


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


class _StreamWire:
    """The wire of a stream's channel: events leave with the response alone."""

    def __init__(self, response: ResponseWire | None) -> None:
        self._response = response

    def write(self, _: Packed) -> bool:
        return False

    def abort(self) -> None:
        if self._response is not None:
            self._response.abort()


async def event_stream(principal: Principal, greet: Greet, position: Position) -> Response:
    """Return a response that sends the caller's frames, in version 1, as server-sent events.

    The stream takes a place within the limits of sockets. It is closed when a socket would be:
    when the caller's credentials end, when the client does not read, and when the server stops. The
    last event then has the type ``close`` and the close code of a socket. A client comes back with
    the id of the last event in the header ``Last-Event-ID``.

    Args:
        principal: The caller.
        greet: Function that prepares the frames with which the stream begins. Like the function of
            a :class:`~quartapp.SocketParameter`, it returns a function that sends them, which is
            called when the connection joins.
        position: Function that returns the id of a frame's event, one line; None for an event
            without an id, whose client keeps the id before.

    Returns:
        The response; an empty one for ``HEAD``.

    Raises:
        TooManyStreamsError: The caller has as many sockets and streams as one user may have.
        ApiError: 503; the process holds as many as it may, or stops.
        DomainError: ``greet`` raised the error.
    """
    if request.method == "HEAD":
        return Response(mimetype=MEDIA_TYPE)
    parts = core()
    with ExitStack() as places, ExitStack() as joined:
        if not places.enter_context(parts.hub.place()):
            raise unavailable()
        if not places.enter_context(parts.hub.place_of(principal.id)):
            raise TooManyStreamsError
        scope = cast("dict[str, Any]", request.scope)
        wire: ResponseWire | None = scope.get("extensions", {}).get(RESPONSE_WIRE)
        pipe = Pipe(parts.clock, parts.settings.websocket_ping_interval)
        channel = Channel(pipe.send, _StreamWire(wire))
        connection = Connection(
            principal, channel, parts.metrics, parts.clock, request.remote_addr, 1
        )
        joined.callback(connection.end)
        greeting = await greet(connection)
        stream = EventStream(connection, channel, pipe, position, parts.clock)
        # Nothing waits between the join and the greeting, so the next broadcast follows it without
        # a gap.
        joined.enter_context(parts.hub.joined(connection))
        greeting()
        if not parts.authenticate.joined(principal):
            connection.refuse()
        if wire is not None:
            wire.expect_silence()
        scope[_STREAM] = stream
        stream.join(joined.pop_all(), places.pop_all())
        return stream


def taken_stream(scope: Any) -> EventStream | None:  # noqa: ANN401 - ASGI's
    """Return the stream that a request has begun, once; None without one.

    Args:
        scope: ASGI scope of the request.
    """
    stream: EventStream | None = scope.pop(_STREAM, None)
    return stream
