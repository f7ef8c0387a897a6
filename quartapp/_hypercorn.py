"""Hypercorn's WebSockets, made safe and tidy where it has no setting for it (version 0.18)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import hypercorn.protocol.h11
import hypercorn.protocol.ws_stream
from hypercorn.protocol.events import Request, StreamClosed
from hypercorn.protocol.ws_stream import (
    ASGIWebsocketState,
    FrameTooLargeError,
    WebsocketBuffer,
    WSStream,
)
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection

from quartapp.realtime.frames import WIRE_EXTENSION

if TYPE_CHECKING:
    from hypercorn.protocol.events import Event
    from wsproto.events import Message


def harden_hypercorn() -> None:
    """Close the doors that Hypercorn leaves open.

    It always offers permessage-deflate (RFC 7692), and inflates a message before its size is
    checked: one frame of 1 MB takes the memory and time of a thousand. And see
    :class:`BoundedBuffer` and :class:`Stream`.
    """
    sockets: Any = hypercorn.protocol.ws_stream
    sockets.server_extensions_handshake = lambda *_: None
    sockets.WebsocketBuffer = BoundedBuffer
    connections: Any = hypercorn.protocol.h11
    connections.WSStream = Stream


class BoundedBuffer(WebsocketBuffer):
    """Hypercorn's buffer of a message, which keeps nothing of one that is too long.

    Hypercorn's own keeps what it refuses, so that a peer who goes on sending fills memory.
    """

    refused = False

    def extend(self, event: Message[Any]) -> None:
        """Add a part of the message.

        Raises:
            FrameTooLargeError: It is too long.
        """
        if self.length + len(event.data) > self.max_length:
            self.refused = True
            raise FrameTooLargeError
        super().extend(event)


class Stream(WSStream):
    """One socket, of which nothing is left when it ends.

    Hypercorn's task that sends pings sleeps on for up to one interval after its socket has gone,
    and holds up a stop. And the rest of a message that was too long keeps Hypercorn from seeing
    the client's answer to the close.
    """

    buffer: BoundedBuffer
    _pings: asyncio.Task[None] | None = None

    async def handle(self, event: Event) -> None:
        """Take what the connection brings; at its end, stop sending pings."""
        await super().handle(event)
        if isinstance(event, Request) and self.app_put is not None:
            # The app's task was made just now, and has not looked at its scope yet.
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[WIRE_EXTENSION] = StreamWire(self)
        if self.closed and self._pings is not None and self._pings is not asyncio.current_task():
            self._pings.cancel()

    async def _send_pings(self) -> None:
        self._pings = asyncio.current_task()
        await super()._send_pings()

    async def _handle_events(self) -> None:
        if not self.buffer.refused:
            await super()._handle_events()
        if not self.buffer.refused:
            return
        for event in self.connection.events():
            if isinstance(event, CloseConnection):
                await self.send(StreamClosed(stream_id=self.stream_id))


class StreamWire:
    """The short way to a stream's transport, for frames that many sockets get.

    The long way makes four objects and six coroutines for each, to end in the same write. The short
    one refuses where the long one has something to do or to wait for.
    """

    __slots__ = ("_lock", "_stream", "_transport")

    def __init__(self, stream: WSStream) -> None:
        server: Any = stream
        for _ in ("the protocol", "the connection"):
            server = server.send.__self__
        self._stream = stream
        self._lock = server.send_lock
        self._transport = server.writer.transport

    def __deepcopy__(self, _: object) -> StreamWire:
        """Itself: middlewares copy the scope."""
        return self

    def write(self, frames: bytes) -> bool:
        """Send whole frames; False where they have to take the long way, in their turn."""
        stream, transport = self._stream, self._transport
        if (
            stream.state is not ASGIWebsocketState.CONNECTED
            or stream.connection.state is not ConnectionState.OPEN
            or stream.closed
            or self._lock.locked()
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return False
        transport.write(frames)
        return True

    def abort(self) -> None:
        """Drop the connection, with everything that is on its way."""
        self._transport.abort()
