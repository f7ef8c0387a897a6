"""The hub: who is connected, and the fan-out that waits for nobody.

A broadcast is encoded once. Each connection's send is tried at once, by hand, without a task: as a
rule the transport takes it and there is nothing to wait for. Only what cannot go is kept, in that
connection's bounded outbox; one that overflows is closed with 1013, so a slow reader costs the
others nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from quartapp.realtime.frames import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Generator, Iterable, Iterator

    from quartapp.realtime.frames import Message
    from quartapp.realtime.socket import Channel
    from quartapp.security import Principal

    Send = Callable[[Message], Coroutine[Any, None, None]]

log = structlog.get_logger("quartapp.hub")

OUTBOX_BYTES = 256 * 1024
FLUSH_SECONDS = 1.0

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013


class Connection:
    """One open socket.

    Args:
        principal: Whose it is.
        channel: The frames in and out.
        address: The network address of the peer, if it has one.
    """

    __slots__ = (
        "_channel",
        "_outbox",
        "_outbox_bytes",
        "_overflowed",
        "_sender",
        "address",
        "principal",
    )

    def __init__(self, principal: Principal, channel: Channel, address: str | None = None) -> None:
        self.principal = principal
        self.address = address
        self._channel = channel
        self._outbox: deque[Message] | None = None
        self._outbox_bytes = 0
        self._overflowed = False
        self._sender: asyncio.Task[None] | None = None

    def post(self, frame: str) -> None:
        """Send ``frame`` now, or as soon as the peer reads; never waits, keeps the order."""
        self.post_parcel(Parcel([frame]))

    def post_all(self, frames: Iterable[str]) -> None:
        """Send ``frames``, in order; else like :meth:`post`."""
        self.post_parcel(Parcel(frames))

    def post_parcel(self, parcel: Parcel) -> None:
        """Like :meth:`post`, with everything ready made, so that a fan-out makes it once."""
        if self._sender is None and not self._overflowed and self._channel.write(parcel.wire):
            return
        for message in parcel.messages:
            self._post_message(message)

    def _post_message(self, message: Message) -> None:
        if self._overflowed:
            return
        if self._sender is not None:
            self._keep(message)
            return
        sending = self._channel.send(message)
        try:
            waiting_for = sending.send(None)
        except StopIteration:
            return
        self._sender = asyncio.ensure_future(self._send_rest(sending, waiting_for))

    def close(self, code: int) -> None:
        """Begin to close: the frame in hand is finished, no further one is handled."""
        self._channel.close(code)

    async def flush(self) -> None:
        """Give what was posted a moment to leave, then drop it."""
        if self._sender is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._sender, 0 if self._overflowed else FLUSH_SECONDS)

    def _keep(self, message: Message) -> None:
        if self._outbox is None:
            self._outbox = deque()
        self._outbox.append(message)
        self._outbox_bytes += len(message["text"])
        if self._outbox_bytes > OUTBOX_BYTES:
            self._overflowed = True
            self._outbox.clear()
            log.info("outbox overflow, closing", user=self.principal.id)
            self.close(TRY_AGAIN_LATER)

    async def _send_rest(self, sending: Coroutine[Any, None, None], waiting_for: object) -> None:
        try:
            await _Begun(sending, waiting_for)
            while self._outbox:
                message = self._outbox.popleft()
                self._outbox_bytes -= len(message["text"])
                await self._channel.send(message)
        finally:
            self._sender = None
            self._outbox = None
            self._outbox_bytes = 0


class _Begun:
    """The rest of a coroutine that was begun by hand and now waits for ``waiting_for``."""

    __slots__ = ("_coroutine", "_waiting_for")

    def __init__(self, coroutine: Coroutine[Any, None, None], waiting_for: object) -> None:
        self._coroutine = coroutine
        self._waiting_for = waiting_for

    def __await__(self) -> Generator[Any, Any, None]:
        waiting_for = self._waiting_for
        while True:
            try:
                value = yield waiting_for
            except BaseException as error:  # noqa: BLE001 - cancellation too belongs to the coroutine
                advance = partial(self._coroutine.throw, error)
            else:
                advance = partial(self._coroutine.send, value)
            try:
                waiting_for = advance()
            except StopIteration:
                return


class Hub:
    """All connections of one process."""

    def __init__(self) -> None:
        self._connections: dict[Connection, None] = {}
        self._by_user: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._draining = False
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))

    @contextmanager
    def joined(self, connection: Connection) -> Iterator[None]:
        """``connection`` takes part in broadcasts meanwhile."""
        user = connection.principal.id
        self._connections[connection] = None
        self._by_user[user][connection] = None
        if self._draining:
            connection.close(GOING_AWAY)
        try:
            yield
        finally:
            del self._connections[connection]
            del self._by_user[user][connection]
            if not self._by_user[user]:
                del self._by_user[user]
            if not self._connections:
                self._empty.set()

    def broadcast(self, frame: str, users: Collection[str] | None = None) -> None:
        """Send ``frame`` to everybody, or to the connections of ``users``; never waits.

        Args:
            frame: The encoded frame.
            users: Ids of those concerned; None for all.
        """
        self.broadcast_all([frame], users)

    def broadcast_all(self, frames: Iterable[str], users: Collection[str] | None = None) -> None:
        """Send ``frames``, in order, in one go for each connection; else like :meth:`broadcast`."""
        parcel = Parcel(frames)
        if not parcel.messages:
            return
        if users is None:
            for connection in list(self._connections):
                connection.post_parcel(parcel)
            return
        # 30 users among 5,000 sockets, or 5,000 users of whom 30 are connected: walk the shorter.
        present = self._by_user
        concerned = (
            users if len(users) < len(present) else [user for user in present if user in users]
        )
        for user in concerned:
            for connection in list(present.get(user, ())):
                connection.post_parcel(parcel)

    async def drain(self, seconds: float) -> None:
        """Close every socket with 1001, now and from now on, and wait until they are gone.

        Args:
            seconds: How long to wait at most.
        """
        self._draining = True
        for connection in list(self._connections):
            connection.close(GOING_AWAY)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
