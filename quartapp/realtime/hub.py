"""The hub: who is connected, and the fan-out that waits for nobody.

A broadcast is encoded once. Each connection's send is tried at once, by hand, without a task: as a
rule the transport takes it and there is nothing to wait for. Only what cannot go is kept, in that
connection's bounded outbox; one that overflows is closed with 1013, so a slow reader costs the
others nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from quartapp.realtime.close_codes import GOING_AWAY
from quartapp.realtime.wire import Parcel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quartapp.clock import Clock
    from quartapp.realtime.connection import Connection
    from quartapp.telemetry.metrics import Metrics

# At a stop, up to so many sockets are closed at once. More are closed in batches of so many, over
# so long for a thousand and more, so that their clients do not come back all in one moment.
BATCH_SOCKETS = 50
SPREAD_SECONDS = 3.0
SPREAD_SOCKETS = 1000


class Hub:
    """All connections of one process.

    Args:
        most: How many sockets may be open.
        most_per_user: How many of them may be one user's.
        metrics: Where they are counted.
        clock: By which sockets are closed in batches.
    """

    def __init__(self, most: int, most_per_user: int, metrics: Metrics, clock: Clock) -> None:
        self._most = most
        self._most_per_user = most_per_user
        self._metrics = metrics
        self._clock = clock
        self._open = 0
        self._open_by_user: Counter[str] = Counter()
        self._connections: dict[Connection, None] = {}
        self._by_user: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._draining = False
        self._empty = asyncio.Event()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place for one more socket, whoever's it is; whether there is one."""
        free = self._open < self._most and not self._draining
        self._metrics.refused.inc(not free)
        self._open += free
        try:
            yield free
        finally:
            self._open -= free

    @contextmanager
    def place_of(self, user: str) -> Iterator[bool]:
        """A place for one more socket of ``user``; whether there is one."""
        free = self._open_by_user[user] < self._most_per_user
        self._metrics.refused.inc(not free)
        self._open_by_user[user] += free
        try:
            yield free
        finally:
            self._open_by_user[user] -= free
            if not self._open_by_user[user]:
                del self._open_by_user[user]

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))

    @contextmanager
    def joined(self, connection: Connection) -> Iterator[None]:
        """``connection`` takes part in broadcasts meanwhile."""
        user = connection.principal.id
        self._metrics.sockets.inc()
        self._connections[connection] = None
        self._by_user[user][connection] = None
        if self._draining:
            connection.close(GOING_AWAY)
        try:
            yield
        finally:
            connection.end()
            self._metrics.sockets.dec()
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
            self._metrics.sent.inc(len(self._connections) * len(parcel.messages))
            return
        # 30 users among 5,000 sockets, or 5,000 users of whom 30 are connected: walk the shorter.
        present = self._by_user
        concerned = (
            users if len(users) < len(present) else [user for user in present if user in users]
        )
        for user in concerned:
            connections = list(present.get(user, ()))
            for connection in connections:
                connection.post_parcel(parcel)
            self._metrics.sent.inc(len(connections) * len(parcel.messages))

    async def drain(self, seconds: float) -> None:
        """Close every socket with 1001, and let no new one in.

        A few are closed at once, many in batches, in no order, at random moments.

        Args:
            seconds: How long to wait at most for the last batch to be gone.
        """
        self._draining = True
        left = list(self._connections)
        random.shuffle(left)
        spread = SPREAD_SECONDS * min(len(left) / SPREAD_SOCKETS, 1)
        further = range(BATCH_SOCKETS, len(left), BATCH_SOCKETS)
        moments = sorted(random.uniform(0, spread) for _ in further)  # noqa: S311 - no secret
        begun = self._clock.monotonic()
        for first, moment in zip((0, *further), (0, *moments), strict=True):
            if moment:
                await self._clock.sleep(begun + moment - self._clock.monotonic())
            for connection in left[first : first + BATCH_SOCKETS]:
                connection.close(GOING_AWAY)
        with suppress(TimeoutError):
            async with self._clock.timeout(seconds):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        for connection in list(self._connections):
            connection.abort()
