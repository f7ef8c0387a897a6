"""A WebSocket connection, with the operations that senders need."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from quartapp._eager import EagerCoroutine
from quartapp.realtime.answering import answering
from quartapp.realtime.close_codes import POLICY_VIOLATION, TRY_AGAIN_LATER
from quartapp.realtime.messages import ERROR, UNAUTHORIZED, encode, encode_error
from quartapp.realtime.wire import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quartapp.clock import Clock, Timer
    from quartapp.identity.principal import Principal
    from quartapp.realtime.broadcast import Broadcast, Version
    from quartapp.realtime.channel import Channel
    from quartapp.realtime.messages import EventError
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
        version: Version of the frames that the client asked for.

    Attributes:
        id: Identifier of the connection in log lines.
        version: Version of the frames: 0 for a client that did not ask for a version.
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
        "_spared_bytes",
        "address",
        "id",
        "principal",
        "version",
    )

    def __init__(
        self,
        principal: Principal,
        channel: Channel,
        metrics: Metrics,
        clock: Clock,
        address: str | None = None,
        version: Version = 0,
    ) -> None:
        self.version: Version = version
        self.id = uuid.uuid4().hex[:12]
        self.principal = principal
        self._metrics = metrics
        self._clock = clock
        self.address = address
        self._channel = channel
        self._outbox: deque[Message] | None = None
        self._outbox_bytes = 0
        self._spared_bytes = 0
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

    def answer(
        self,
        name: str,
        data: Mapping[str, object],
        beside: Mapping[str, object] | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Answer the frame that is being handled, like :meth:`post`.

        Args:
            name: Value of ``event``.
            data: Value of ``data``.
            beside: Further members of the frame, for a socket of version 1, which also gets back
                the reference of its frame.
            always: Whether a socket that does not ask for a version gets the further members too.
        """
        members = dict(beside or {}) if self.version or always else {}
        frame = answering()
        if frame is not None and frame.connection is self:
            members["ref"] = frame.ref
        self.post(encode(name, data, members))

    def tell(self, error: EventError) -> None:
        """Answer the frame that is being handled with the event ``ERROR``.

        Args:
            error: The reason why the frame is refused.
        """
        beside = error.beside if error.ref is None else {**error.beside, "ref": error.ref}
        self.answer(ERROR, {"message": error.message, **error.data}, beside)

    def post_all(self, frames: Iterable[str | Broadcast]) -> None:
        """Send several frames in order, like :meth:`post`."""
        self._metrics.sent.inc(self.post_parcel(Parcel(frames)))

    def post_parcel(self, parcel: Parcel) -> int:
        """Send a parcel, like :meth:`post_all`.

        Returns:
            The number of frames, which the caller counts in the metrics.
        """
        packed = parcel.packed(self.id, self.version)
        if not packed.messages:
            return 0
        if self._sender is None:
            self._spared_bytes = 0
        if self._sender is None and not self._overflowed and self._channel.wire.write(packed):
            return len(packed.messages)
        # A piece that is larger than the outbox is no reason to close, unless others wait already.
        if len(packed.wire) > OUTBOX_BYTES and not self._spared_bytes:
            self._spared_bytes = len(packed.wire)
        for message in packed.messages:
            self._post_message(message)
        return len(packed.messages)

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
        if self._outbox_bytes > OUTBOX_BYTES + self._spared_bytes:
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
            self._spared_bytes = 0
