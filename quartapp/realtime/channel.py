"""The channel of a socket: its frames between the ASGI server and the event handlers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from quart.asgi import ASGIWebsocketConnection

from quartapp.realtime.close_codes import MESSAGE_TOO_BIG
from quartapp.realtime.wire import WIRE_EXTENSION, NoWire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from quart import Quart

    from quartapp.clock import Clock
    from quartapp.realtime.wire import Message, Wire

    Send = Callable[[Message], Coroutine[Any, None, None]]

MAX_FRAME_BYTES = 64 * 1024
INBOX_FRAMES = 16
LONGEST_PAUSE_SECONDS = 0.25


_CHANNEL = "quartapp.channel"


class ChannelClosedError(Exception):
    """The end of a channel: the socket has no further frame to handle."""


class Channel:
    """The frames of one socket.

    A bounded inbox keeps incoming frames. While the inbox is full, the server does not read from
    the socket: TCP slows down a client that sends faster than frames are handled, and the client
    cannot fill the memory. Frames that overlap with later ones take a place until they are over.

    Args:
        send: Function of the ASGI server that sends a message.
        wire: Direct access to the server's transport.

    Attributes:
        close_code: Close code for the peer; None while the channel is open.
        under_way: Number of frames that were handed out and take a place in the inbox.
    """

    __slots__ = (
        "_disconnected",
        "_free",
        "_inbox",
        "_news",
        "close_code",
        "send",
        "under_way",
        "wire",
    )

    def __init__(self, send: Send, wire: Wire) -> None:
        self.send = send
        self.wire = wire
        self.close_code: int | None = None
        # A list, as the inbox is short and mostly empty: an empty deque takes ten times the memory.
        self._inbox: list[str | bytes | None] = []
        self.under_way = 0
        # What the reader waits for, and what the writer waits for.
        self._news: asyncio.Future[None] | None = None
        self._free: asyncio.Future[None] | None = None
        self._disconnected = False

    async def put(self, frame: str | bytes | None) -> None:
        """Put a frame into the inbox, waiting while the inbox is full.

        Args:
            frame: The received frame: text, or bytes (None when empty) for a binary frame. A
                closed channel drops the frame.
        """
        while len(self._inbox) + self.under_way >= INBOX_FRAMES and self.close_code is None:
            self._free = asyncio.get_running_loop().create_future()
            await self._free
        if self.close_code is None:  # nobody empties the inbox of a closed channel
            self._inbox.append(frame)
            self._wake()

    async def receive(self) -> str | bytes | None:
        """Return the next frame, including frames that arrived before a disconnect.

        Raises:
            ChannelClosedError: The peer has disconnected, or :meth:`close` was called.
        """
        while self.close_code is None:
            if self._inbox:
                frame = self._inbox.pop(0)
                self._wake()
                return frame
            if self._disconnected:
                break
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        raise ChannelClosedError

    def is_through(self) -> None:
        """Note that a frame which was under way is over."""
        self.under_way -= 1
        self._wake()

    async def pause(self, seconds: float, clock: Clock) -> None:
        """Wait, but stop waiting soon after the channel is closed.

        Args:
            seconds: Time to wait, in seconds.
            clock: Clock that measures the time.
        """
        end = clock.monotonic() + seconds
        while self.close_code is None and (left := end - clock.monotonic()) > 0:
            await clock.sleep(min(left, LONGEST_PAUSE_SECONDS))

    def disconnect(self) -> None:
        """Note that the peer has disconnected."""
        self._disconnected = True
        self._wake()

    def close(self, code: int) -> None:
        """Close the channel: hand out no further frame.

        Args:
            code: Close code for the peer. A later call does not change the code.
        """
        if self.close_code is None:
            self.close_code = code
        self._wake()

    def _wake(self) -> None:
        for waiting in (self._news, self._free):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)


class SocketConnection(ASGIWebsocketConnection):
    """Quart's ASGI connection with a bounded inbox.

    Quart's own connection has an unbounded queue, and cancels the handler in the middle of a frame
    when the peer leaves. This connection lets the handler finish all frames that were received.
    """

    def __init__(self, app: Quart, scope: Any) -> None:  # noqa: ANN401 - ASGI's
        super().__init__(app, scope)
        self.queue = _NO_QUEUE

    async def __call__(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the socket."""
        scope = cast("dict[str, Any]", self.scope)
        wire = scope.get("extensions", {}).get(WIRE_EXTENSION) or NoWire()
        channel = Channel(cast("Send", send), wire)
        scope[_CHANNEL] = channel
        websocket = self._create_websocket_from_scope(send)
        receiver = asyncio.ensure_future(_fill(channel, receive))
        try:
            await self.handle_websocket(websocket, send)
        finally:
            receiver.cancel()


class _NoQueue(asyncio.Queue[Any]):
    """A placeholder for Quart's queue, shared by all sockets to save three kilobytes for each."""

    def __init__(self) -> None:
        pass

    async def get(self) -> Any:  # noqa: ANN401 - asyncio's
        raise RuntimeError("frames are read from the channel")


_NO_QUEUE = _NoQueue()


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
    # Servers limit a binary frame by bytes, but a text frame by characters.
    return len(text) * 4 > MAX_FRAME_BYTES and len(text.encode()) > MAX_FRAME_BYTES


def channel_of(scope: Any) -> Channel:  # noqa: ANN401 - ASGI's
    """Return the channel of a connection.

    Args:
        scope: ASGI scope of the connection.
    """
    channel: Channel = scope[_CHANNEL]
    return channel
