"""The frames of one socket, between the server and whoever handles them."""

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
    """No further frame of this socket is to be handled."""


class Channel:
    """The frames of one socket.

    What comes in is kept in a bounded inbox. While it is full the server does not read from the
    socket, so a client that sends faster than we store is slowed down by TCP and fills no memory.

    Args:
        send: The ASGI server's send.
        wire: Its shorter way.
    """

    __slots__ = ("_changed", "_disconnected", "_inbox", "close_code", "send", "wire")

    def __init__(self, send: Send, wire: Wire) -> None:
        self.send = send
        self.wire = wire
        self.close_code: int | None = None
        # Sixteen at most, and none as a rule: an empty deque takes ten times the room of a list.
        self._inbox: list[str | bytes | None] = []
        self._changed: asyncio.Future[None] | None = None
        self._disconnected = False

    async def put(self, frame: str | bytes | None) -> None:
        """Keep a frame that came in; wait while the inbox is full, drop it after :meth:`close`."""
        while len(self._inbox) >= INBOX_FRAMES and self.close_code is None:
            await self._change()
        if self.close_code is None:  # else nobody would take it out again
            self._inbox.append(frame)
            self._wake()

    async def receive(self) -> str | bytes | None:
        """The next frame; what came in before a disconnect is still handed out.

        Raises:
            ChannelClosedError: The peer is gone, or :meth:`close` was called.
        """
        while self.close_code is None:
            if self._inbox:
                frame = self._inbox.pop(0)
                self._wake()
                return frame
            if self._disconnected:
                break
            await self._change()
        raise ChannelClosedError

    async def pause(self, seconds: float, clock: Clock) -> None:
        """Wait, though not for a channel that is closed.

        Args:
            seconds: How long.
            clock: What to wait by.
        """
        end = clock.monotonic() + seconds
        while self.close_code is None and (left := end - clock.monotonic()) > 0:
            await clock.sleep(min(left, LONGEST_PAUSE_SECONDS))

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
    """Stands where Quart has its queue; one for all, as three kilobytes per socket are many."""

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
    # Servers limit the bytes of a binary frame, and of a text frame the characters.
    return len(text) * 4 > MAX_FRAME_BYTES and len(text.encode()) > MAX_FRAME_BYTES


def channel_of(scope: Any) -> Channel:  # noqa: ANN401 - ASGI's
    """The channel of the connection with that ASGI scope."""
    channel: Channel = scope[_CHANNEL]
    return channel
