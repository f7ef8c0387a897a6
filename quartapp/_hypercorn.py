"""Hypercorn's WebSocket stream, made to leave nothing behind when a socket ends.

Two things of Hypercorn 0.18 that a server with many sockets notices: the task that sends pings
sleeps on for up to one interval after its socket has gone, and holds up a stop; and the rest of a
message that was too large keeps it from seeing the client's answer to the close.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import hypercorn.protocol.h11
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.ws_stream import WSStream
from wsproto.events import CloseConnection

if TYPE_CHECKING:
    from hypercorn.protocol.events import Event


def install() -> None:
    """Let Hypercorn use :class:`Stream`."""
    module: Any = hypercorn.protocol.h11
    module.WSStream = Stream


class Stream(WSStream):
    """One socket."""

    _pings: asyncio.Task[None] | None = None
    _refusing = False

    async def handle(self, event: Event) -> None:
        """Take what the connection brings; at its end, stop sending pings."""
        await super().handle(event)
        if self.closed and self._pings is not None and self._pings is not asyncio.current_task():
            self._pings.cancel()

    async def _send_pings(self) -> None:
        self._pings = asyncio.current_task()
        await super()._send_pings()

    async def _handle_events(self) -> None:
        if not self._refusing:
            await super()._handle_events()
            self._refusing = self.buffer.length > self.buffer.max_length
        if not self._refusing:
            return
        self.buffer.value = None
        for event in self.connection.events():
            if isinstance(event, CloseConnection):
                await self.send(StreamClosed(stream_id=self.stream_id))
