"""Corrections to Hypercorn's WebSockets where Hypercorn 0.18 has no setting."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import hypercorn.asyncio.run
import hypercorn.asyncio.tcp_server
import hypercorn.protocol.h11
import hypercorn.protocol.ws_stream
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.events import Closed, RawData
from hypercorn.protocol.events import Data, Request, StreamClosed
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import (
    ASGIWebsocketState,
    FrameTooLargeError,
    WebsocketBuffer,
    WSStream,
)
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.http.event_stream import RESPONSE_WIRE
from quartapp.realtime.close_codes import MESSAGE_TOO_BIG, POLICY_VIOLATION
from quartapp.realtime.pace import Pace, TooFastError
from quartapp.realtime.wire import WIRE_EXTENSION, deflated
from quartapp.server.deflate import agree, answer_to
from quartapp.server.http1 import Http1
from quartapp.server.silence import Silence
from quartapp.server.stream_wire import ResponseWire, StreamWire

if TYPE_CHECKING:
    from hypercorn.events import Event as ServerEvent
    from hypercorn.protocol.events import Event
    from hypercorn.typing import ASGISendEvent
    from wsproto.events import Event as WireEvent

    from quartapp.server.workers.shares import Share

# Time that a peer has to end a connection after a frame that the server refused.
LINGER_SECONDS = 1.0
# Limits on frames without a complete message: pings, pongs and fragments.
SMALL_FRAMES_A_SECOND = 1000.0
SMALL_FRAMES_AT_ONCE = 1000


def harden_hypercorn() -> None:
    """Replace the parts of Hypercorn that let a client use too much memory or time.

    Hypercorn always agrees to permessage-deflate (RFC 7692) and inflates a message before checking
    the size: one frame of 1 MB costs the memory and time of a thousand.
    :mod:`~quartapp.server.deflate` takes its place, where the settings ask for compression.
    :class:`~quartapp.server.http1.Http1` keeps connections to HTTP/1.1, and reads it strictly.
    :class:`Server`, :class:`BoundedBuffer` and :class:`Stream` name the other corrections, and
    :class:`RequestStream` is for responses that last.
    """
    sockets: Any = hypercorn.protocol.ws_stream
    sockets.server_extensions_handshake = agree
    sockets.WebsocketBuffer = BoundedBuffer
    connections: Any = hypercorn.protocol.h11
    connections.WSStream = Stream
    connections.HTTPStream = RequestStream
    servers: Any = hypercorn.asyncio.run
    servers.TCPServer = Server
    protocols: Any = hypercorn.asyncio.tcp_server
    protocols.ProtocolWrapper = Http1


def clock_of(config: object) -> Clock:
    """Return the clock of the app that a server with ``config`` serves."""
    clock: Clock = getattr(config, "clock", SYSTEM_CLOCK)
    return clock


def compresses(config: object) -> bool:
    """Return whether a server with ``config`` compresses the messages of clients that offer it."""
    compression: bool = getattr(config, "compression", False)
    return compression


class Server(TCPServer):
    """A TCP connection that tolerates any kind of end.

    Hypercorn expects the peer to reset or close the connection. A peer that reads nothing until the
    kernel gives up (``TCP_USER_TIMEOUT``) causes another error, which Hypercorn would report as a
    fault of the server.
    """

    _silence: Silence | None = None

    def expect_silence(self) -> None:
        """Let the peer send nothing for as long as the connection lasts.

        The kernel notices a peer that is gone, by data that nobody acknowledges.
        """
        if self._silence is not None:
            self._silence.close()

    async def run(self) -> None:
        """Serve the connection, and subtract it from the worker's share at its end."""
        try:
            await super().run()
        finally:
            share: Share | None = getattr(self.config, "share", None)
            if share is not None:
                share.closed()

    async def _read_data(self) -> None:
        # Like Hypercorn's method, but without wait_for, which makes a timer for every read, and in
        # Python 3.11 a task too.
        silence = Silence(self.reader, self.config.read_timeout, clock_of(self.config))
        self._silence = silence
        try:
            while not self.reader.at_eof():
                silence.begins()
                try:
                    data = await self.reader.read(MAX_RECV)
                except OSError:  # TimeoutError is a subclass
                    break
                silence.ends()
                await self.protocol.handle(RawData(data))
        finally:
            silence.close()
        await self.protocol.handle(Closed())

    async def protocol_send(self, event: ServerEvent) -> None:
        """Send the protocol's data, and report the connection as closed if the peer is gone."""
        try:
            await super().protocol_send(event)
        except OSError:
            await self.protocol.handle(Closed())

    async def _close(self) -> None:
        with suppress(OSError):
            await super()._close()


class BoundedBuffer(WebsocketBuffer):
    """A message buffer that keeps no part of a message beyond the size limit.

    Hypercorn's own buffer keeps refused parts, so a peer that goes on sending fills the memory.
    """

    def extend(self, event: Message[Any]) -> None:
        """Add a part of the message.

        Raises:
            FrameTooLargeError: The message exceeds the size limit.
        """
        if self.length + len(event.data) > self.max_length:
            raise FrameTooLargeError
        super().extend(event)


class RequestStream(HTTPStream):
    """A request whose app can reach the connection."""

    async def handle(self, event: Event) -> None:
        """Handle an event of the connection."""
        await super().handle(event)
        if isinstance(event, Request):
            # Still in time: the app's task is new and has not read its scope yet.
            cast("dict[str, Any]", self.scope["extensions"])[RESPONSE_WIRE] = ResponseWire(self)


class Stream(WSStream):
    """A WebSocket with proper close codes, a rate limit for small frames, and a complete clean-up.

    * After a malformed frame, Hypercorn drops the connection. This class sends the close code that
      RFC 6455 names, and gives the peer time to read it.
    * Frames without a complete message (pings, fragments) never reach the app's rate limit, so
      this class limits them.
    * A peer that goes on sending after the app has closed would block Hypercorn for ever.
    * Hypercorn's ping task sends the first ping at once, which a storm of handshakes pays for. The
      task also sleeps for up to one interval after its socket has gone, and delays a stop.
    """

    _refused = False
    _wire: StreamWire | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - Hypercorn's
        super().__init__(*arguments, **options)
        self._clock = clock_of(self.config)
        self._pace = Pace(SMALL_FRAMES_A_SECOND, SMALL_FRAMES_AT_ONCE, self._clock.monotonic)
        self._helpers: set[asyncio.Task[None]] = set()

    async def handle(self, event: Event) -> None:
        """Handle an event of the connection; at the end, cancel the stream's own tasks."""
        if self._refused and isinstance(event, Data):
            return
        await super().handle(event)
        if isinstance(event, Request) and self.app_put is not None:
            # Still in time: the app's task is new and has not read its scope yet.
            answer = answer_to(event.headers) if compresses(self.config) else None
            self.handshake.extensions = None if answer is None else [answer]
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            self._wire = StreamWire(self, deflates=answer is not None)
            extensions[WIRE_EXTENSION] = self._wire
        if self.closed:
            self._shut()
            for helper in self._helpers - {asyncio.current_task()}:
                helper.cancel()

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Send a message of the app.

        Args:
            message: The ASGI message; None when the app has returned.
        """
        if message is None and self.app_put is not None:
            self._take_nothing_more()
        if message is not None and message["type"] == "websocket.send" and self._deflates():
            await self.send(Data(stream_id=self.stream_id, data=deflated(cast("Any", message))))
        else:
            await super().app_send(message)

    def _deflates(self) -> bool:
        # In every other state Hypercorn drops the message, or says what is wrong.
        wire = self._wire
        is_open = self.state is ASGIWebsocketState.CONNECTED and not self.closed
        return is_open and wire is not None and wire.deflates and wire.open

    def _take_nothing_more(self) -> None:
        queue: asyncio.Queue[object] = cast("Any", self.app_put).__self__
        self.app_put = _to_nobody
        while not queue.empty():
            queue.get_nowait()  # makes room, so that waiting writers can go on

    async def _send_wsproto_event(self, event: WireEvent) -> None:
        if isinstance(event, CloseConnection):  # the last frame that may be sent
            self._shut()
        await super()._send_wsproto_event(event)

    def _shut(self) -> None:
        if self._wire is not None:
            self._wire.open = False

    async def _send_pings(self) -> None:
        self._is_helper()
        # A peer that has just opened its socket is there, and a refused socket is gone soon.
        await self.context.sleep(cast("float", self.config.websocket_ping_interval))
        await super()._send_pings()

    def _is_helper(self) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            if isinstance(event, CloseConnection):
                if self.connection.state is ConnectionState.OPEN:  # wsproto's word for malformed
                    await self._refuse(event.code)
                    return
                if self.connection.state is ConnectionState.REMOTE_CLOSING:
                    await self._send_wsproto_event(event.response())
                await self.send(StreamClosed(stream_id=self.stream_id))
            elif not await self._take(event):
                return

    async def _take(self, event: WireEvent) -> bool:
        """Handle a frame; return False if the frame exceeded a limit."""
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
        """Send a close frame and ignore all further data.

        The kernel resets a connection that is closed while received bytes are unread, and a reset
        can discard the close frame. So the peer has ``LINGER_SECONDS`` to end the connection.
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
    """Discard an event for an app that has ended."""
