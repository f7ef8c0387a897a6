"""Hypercorn's WebSockets, made safe and tidy where it has no setting for it (version 0.18)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import hypercorn.asyncio.run
import hypercorn.protocol.h11
import hypercorn.protocol.ws_stream
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.events import Closed, RawData
from hypercorn.protocol.events import Data, Request, StreamClosed
from hypercorn.protocol.ws_stream import (
    FrameTooLargeError,
    WebsocketBuffer,
    WSStream,
)
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.realtime.close_codes import MESSAGE_TOO_BIG, POLICY_VIOLATION
from quartapp.realtime.pace import Pace, TooFastError
from quartapp.realtime.wire import WIRE_EXTENSION
from quartapp.server.silence import Silence

if TYPE_CHECKING:
    from hypercorn.events import Event as ServerEvent
    from hypercorn.protocol.events import Event
    from hypercorn.typing import ASGISendEvent
    from wsproto.events import Event as WireEvent

    from quartapp.server.workers.shares import Share

# How long a peer may take to end a connection in which it sent what it may not.
LINGER_SECONDS = 1.0
# Frames that carry no whole message: pings, pongs, fragments.
SMALL_FRAMES_A_SECOND = 1000.0
SMALL_FRAMES_AT_ONCE = 1000


def harden_hypercorn() -> None:
    """Close the doors that Hypercorn leaves open.

    It always offers permessage-deflate (RFC 7692), and inflates a message before its size is
    checked: one frame of 1 MB takes the memory and time of a thousand. And see
    :class:`Server`, :class:`BoundedBuffer` and :class:`Stream`.
    """
    sockets: Any = hypercorn.protocol.ws_stream
    sockets.server_extensions_handshake = lambda *_: None
    sockets.WebsocketBuffer = BoundedBuffer
    connections: Any = hypercorn.protocol.h11
    connections.WSStream = Stream
    servers: Any = hypercorn.asyncio.run
    servers.TCPServer = Server


def clock_of(config: object) -> Clock:
    """Return the clock of the app that a server with ``config`` serves."""
    clock: Clock = getattr(config, "clock", SYSTEM_CLOCK)
    return clock


class Server(TCPServer):
    """One TCP connection, which may end in every way there is.

    Hypercorn expects that a peer resets or closes it. One that takes nothing until the kernel gives
    up (``TCP_USER_TIMEOUT``) is another error, and would be reported as ours.
    """

    async def run(self) -> None:
        """Serve it, and say when it is over to who counts them."""
        try:
            await super().run()
        finally:
            share: Share | None = getattr(self.config, "share", None)
            if share is not None:
                share.closed()

    async def _read_data(self) -> None:
        # As Hypercorn does, but for wait_for: that makes a timer, and in Python 3.11 a task, of
        # every read.
        silence = Silence(self.reader, self.config.read_timeout, clock_of(self.config))
        try:
            while not self.reader.at_eof():
                silence.begins()
                try:
                    data = await self.reader.read(MAX_RECV)
                except OSError:  # which a TimeoutError is too
                    break
                silence.ends()
                await self.protocol.handle(RawData(data))
        finally:
            silence.close()
        await self.protocol.handle(Closed())

    async def protocol_send(self, event: ServerEvent) -> None:
        """Send what the protocol has for the peer, if that is still there."""
        try:
            await super().protocol_send(event)
        except OSError:
            await self.protocol.handle(Closed())

    async def _close(self) -> None:
        with suppress(OSError):
            await super()._close()


class BoundedBuffer(WebsocketBuffer):
    """Hypercorn's buffer of a message, which keeps nothing of one that is too long.

    Hypercorn's own keeps what it refuses, so that a peer who goes on sending fills memory.
    """

    def extend(self, event: Message[Any]) -> None:
        """Add a part of the message.

        Raises:
            FrameTooLargeError: It is too long.
        """
        if self.length + len(event.data) > self.max_length:
            raise FrameTooLargeError
        super().extend(event)


class Stream(WSStream):
    """One socket, whose peer is told what it did wrong, and of which nothing is left when it ends.

    * Hypercorn ends a connection with a malformed frame without a word. Here the peer gets the
      close code that RFC 6455 names, and a moment to read it.
    * Frames without a message in them (pings, fragments) never reach the app, which has an eye on
      how fast messages come. They are slowed down here.
    * A peer who goes on sending when the app has closed would block Hypercorn for ever.
    * Hypercorn's task that sends pings sleeps on for up to one interval after its socket has gone,
      and holds up a stop.
    """

    _refused = False
    _wire: StreamWire | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - Hypercorn's
        super().__init__(*arguments, **options)
        self._clock = clock_of(self.config)
        self._pace = Pace(SMALL_FRAMES_A_SECOND, SMALL_FRAMES_AT_ONCE, self._clock.monotonic)
        self._helpers: set[asyncio.Task[None]] = set()

    async def handle(self, event: Event) -> None:
        """Take what the connection brings; at its end, stop what was begun for it."""
        if self._refused and isinstance(event, Data):
            return
        await super().handle(event)
        if isinstance(event, Request) and self.app_put is not None:
            # The app's task was made just now, and has not looked at its scope yet.
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[WIRE_EXTENSION] = self._wire = StreamWire(self)
        if self.closed:
            self._shut()
            for helper in self._helpers - {asyncio.current_task()}:
                helper.cancel()

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take what the app sends; None says that it has come to its end."""
        if message is None and self.app_put is not None:
            self._take_nothing_more()
        await super().app_send(message)

    def _take_nothing_more(self) -> None:
        queue: asyncio.Queue[object] = cast("Any", self.app_put).__self__
        self.app_put = _to_nobody
        while not queue.empty():
            queue.get_nowait()  # which lets those go on who wait for room

    async def _send_wsproto_event(self, event: WireEvent) -> None:
        if isinstance(event, CloseConnection):  # after which nothing may follow
            self._shut()
        await super()._send_wsproto_event(event)

    def _shut(self) -> None:
        if self._wire is not None:
            self._wire.open = False

    async def _send_pings(self) -> None:
        self._is_helper()
        await super()._send_pings()

    def _is_helper(self) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            if isinstance(event, CloseConnection):
                if self.connection.state is ConnectionState.OPEN:  # it was no frame at all
                    await self._refuse(event.code)
                    return
                if self.connection.state is ConnectionState.REMOTE_CLOSING:
                    await self._send_wsproto_event(event.response())
                await self.send(StreamClosed(stream_id=self.stream_id))
            elif not await self._take(event):
                return

    async def _take(self, event: WireEvent) -> bool:
        """Handle a frame; False where it was one too many."""
        if isinstance(event, Message):
            try:
                self.buffer.extend(event)
            except FrameTooLargeError:
                await self._refuse(MESSAGE_TOO_BIG)
                return False
            if event.message_finished:
                await cast("Any", self.app_put)(self.buffer.to_message())
                self.buffer.clear()
                return True
        try:
            if wait := self._pace.take():
                await self._clock.sleep(wait)
        except TooFastError:
            await self._refuse(POLICY_VIOLATION)
            return False
        if isinstance(event, Ping):
            await self._send_wsproto_event(event.response())
        return True

    async def _refuse(self, code: int) -> None:
        """Close, and look at nothing that comes after.

        A connection that is closed while bytes of the peer are unread is reset, and that may take
        the close frame with it. So its end is left to the peer for a moment.
        """
        self._refused = True
        self.buffer.clear()
        self.task_group.spawn(self._give_up)
        await self._send_wsproto_event(CloseConnection(code=code))

    async def _give_up(self) -> None:
        self._is_helper()
        await self._clock.sleep(LINGER_SECONDS)
        cast("StreamWire", self._wire).abort()


async def _to_nobody(_: object) -> None:
    """Take the place of the app's queue when there is no app any more."""


class StreamWire:
    """The short way to a stream's transport, for frames that many sockets get.

    The long way makes four objects and six coroutines for each, to end in the same write. The short
    one refuses where the long one has something to do or to wait for.

    Attributes:
        open: Whether frames may still be sent; the stream says when not.
    """

    __slots__ = ("_transport", "open")

    def __init__(self, stream: WSStream) -> None:
        server: Any = stream
        for _ in ("the protocol", "the connection"):
            server = server.send.__self__
        self._transport = server.writer.transport
        self.open = True

    def __deepcopy__(self, _: object) -> StreamWire:
        """Itself: middlewares copy the scope."""
        return self

    def write(self, frames: bytes) -> bool:
        """Send whole frames; False where they have to take the long way, in their turn."""
        # A look at each of a thousand sockets is what a broadcast is made of. Whoever holds the
        # connection's lock waits for its buffer, so that the buffer says it all.
        transport = self._transport
        if not self.open or transport.get_write_buffer_size():
            return False
        try:
            transport.write(frames)
        except RuntimeError:  # Hypercorn is closing it
            return False
        return True

    def abort(self) -> None:
        """Drop the connection, with everything that is on its way."""
        self._transport.abort()
