"""A WebSocket connection, with the operations that senders need."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from quartapp._eager import EagerCoroutine
from quartapp.realtime.close_codes import POLICY_VIOLATION, TRY_AGAIN_LATER
from quartapp.realtime.messages import UNAUTHORIZED, encode_error
from quartapp.realtime.wire import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.clock import Clock, Timer
    from quartapp.identity.principal import Principal
    from quartapp.realtime.channel import Channel
    from quartapp.realtime.wire import Message
    from quartapp.telemetry.metrics import Metrics

log = structlog.get_logger("quartapp.hub")

OUTBOX_BYTES = 256 * 1024
FLUSH_SECONDS = 1.0
LONGEST_WATCH_SECONDS = 600.0


class Connection:
    """A WebSocket connection of a signed-in user.

    Args:
        principal: The signed-in user. The connection closes when the user's credentials expire.
        channel: Incoming and outgoing frames.
        metrics: Metrics that count the frames.
        clock: Clock that decides when credentials have expired.
        address: Network address of the peer; None where the server knows none.

    Attributes:
        id: Identifier of the connection in log lines.
    """

    __slots__ = (
        "_channel",
        "_clock",
        "_expiry",
        "_metrics",
        "_outbox",
        "_outbox_bytes",
        "_overflowed",
        "_sender",
        "address",
        "id",
        "principal",
    )

    def __init__(
        self,
        principal: Principal,
        channel: Channel,
        metrics: Metrics,
        clock: Clock,
        address: str | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.principal = principal
        self._metrics = metrics
        self._clock = clock
        self.address = address
        self._channel = channel
        self._outbox: deque[Message] | None = None
        self._outbox_bytes = 0
        self._overflowed = False
        self._sender: asyncio.Task[None] | None = None
        self._expiry: Timer | None = None
        self._watch_expiry()

    def renew(self, principal: Principal) -> None:
        """Replace the credentials.

        Args:
            principal: The same user with new credentials.
        """
        self.principal = principal
        self._watch_expiry()

    def refuse(self) -> None:
        """Close, as the credentials do not count any longer; do nothing if closing has begun."""
        if self._channel.close_code is None:
            self.post(encode_error(UNAUTHORIZED))
            self.close(POLICY_VIOLATION)

    def end(self) -> None:
        """Stop watching when the credentials expire; for a connection that has ended."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def abort(self) -> None:
        """Drop a connection whose peer reads nothing, not even the close frame."""
        self._channel.wire.abort()

    def post(self, frame: str) -> None:
        """Send a frame at once, or as soon as the peer reads; return without waiting.

        Args:
            frame: The encoded frame. Frames leave in the order of the calls.
        """
        self.post_all([frame])

    def post_all(self, frames: Iterable[str]) -> None:
        """Send several frames in order, like :meth:`post`."""
        parcel = Parcel(frames)
        self.post_parcel(parcel)
        self._metrics.sent.inc(len(parcel.messages))

    def post_parcel(self, parcel: Parcel) -> None:
        """Send a parcel, like :meth:`post_all`; the caller of a fan-out counts the frames."""
        if self._sender is None and not self._overflowed and self._channel.wire.write(parcel.wire):
            return
        for message in parcel.messages:
            self._post_message(message)

    def _post_message(self, message: Message) -> None:
        if self._overflowed:
            return
        if self._sender is not None:
            self._keep(message)
            return
        sending = EagerCoroutine(self._channel.send(message))
        if not sending.over:
            self._sender = asyncio.ensure_future(self._send_rest(sending))

    def close(self, code: int) -> None:
        """Begin to close the connection: finish the current frame and handle no further one.

        Args:
            code: Close code for the peer.
        """
        self._channel.close(code)

    async def flush(self) -> None:
        """Wait up to ``FLUSH_SECONDS`` until posted frames are sent, then drop the rest."""
        if self._sender is None:
            return
        with suppress(TimeoutError):
            await self._clock.wait_for(self._sender, 0 if self._overflowed else FLUSH_SECONDS)

    def _watch_expiry(self) -> None:
        self.end()
        left = self.principal.expires_at - self._clock.time()
        if left > 0:
            if left != float("inf"):
                # A long timer would not notice that somebody set the system's clock.
                pause = min(left, LONGEST_WATCH_SECONDS)
                self._expiry = self._clock.call_later(pause, self._watch_expiry)
            return
        self.refuse()

    def _keep(self, message: Message) -> None:
        if self._outbox is None:
            self._outbox = deque()
        self._outbox.append(message)
        self._outbox_bytes += len(message["text"])
        if self._outbox_bytes > OUTBOX_BYTES:
            self._overflowed = True
            self._outbox.clear()
            self._metrics.overflows.inc()
            # Log context belongs to the sender of the broadcast, so the line names this socket.
            log.info("outbox overflow, closing", connection=self.id, user=self.principal.id)
            self.close(TRY_AGAIN_LATER)

    async def _send_rest(self, sending: EagerCoroutine[None]) -> None:
        try:
            await sending
            while self._outbox:
                message = self._outbox.popleft()
                self._outbox_bytes -= len(message["text"])
                await self._channel.send(message)
        finally:
            self._sender = None
            self._outbox = None
            self._outbox_bytes = 0
