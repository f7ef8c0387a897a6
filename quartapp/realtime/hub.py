"""The hub: all connections of a process, and broadcasts that wait for no connection.

A broadcast is encoded once. The hub writes to each connection directly, without a task, because the
transport usually takes the frames at once. A connection's bounded outbox keeps frames that its
transport does not take. A connection whose outbox overflows is closed with 1013, so a slow reader
does not delay the others.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from quartapp.realtime.close_codes import GOING_AWAY
from quartapp.realtime.places import Places
from quartapp.realtime.wire import Parcel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from quartapp.clock import Clock
    from quartapp.realtime.broadcast import Broadcast
    from quartapp.realtime.connection import Connection
    from quartapp.realtime.places import PlaceFiles
    from quartapp.telemetry.metrics import Metrics

# A stop closes BATCH_SOCKETS sockets at a time. The batches are spread over up to SPREAD_SECONDS,
# the full time from SPREAD_SOCKETS sockets on: otherwise all clients would reconnect at once.
BATCH_SOCKETS = 50
SPREAD_SECONDS = 3.0
SPREAD_SOCKETS = 1000

SOCKETS_PER_USER = 20
"""Largest number of open sockets of one user, where nobody says another."""


class Hub:
    """All connections of one process.

    Args:
        most: Largest number of open sockets.
        most_per_user: Largest number of open sockets of one user; None where the settings say
            none.
        metrics: Metrics that count sockets and frames.
        clock: Clock that times the batches of a stop.
    """

    def __init__(
        self, most: int, most_per_user: int | None, metrics: Metrics, clock: Clock
    ) -> None:
        self._most = most
        self._is_said = most_per_user is not None
        self._places = Places(most_per_user or SOCKETS_PER_USER)
        self._metrics = metrics
        metrics.socket_limits(process=most, user=self._places.most)
        self._clock = clock
        self._open = 0
        self._connections: dict[Connection, None] = {}
        self._by_user: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._draining = False
        self._empty = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether the server stops, so that no new socket has a place."""
        return self._draining

    def allow_per_user(self, most: int) -> None:
        """Change the largest number of open sockets of one user, unless the settings say one.

        Args:
            most: The number.
        """
        if not self._is_said:
            self._places.most = most
            self._metrics.socket_limits(process=self._most, user=most)

    def share(self, files: PlaceFiles) -> None:
        """Count the sockets of a user together with other processes, from before the first on.

        Args:
            files: Files that the processes share.
        """
        self._places.files = files

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Reserve a place for a socket within the limit of the process.

        Yields:
            Whether a place was free.
        """
        free = self._open < self._most and not self._draining
        self._metrics.refused.inc(not free)
        self._open += free
        try:
            yield free
        finally:
            self._open -= free

    @contextmanager
    def place_of(self, user: str) -> Iterator[bool]:
        """Reserve a place for a socket within the limit of a user, which all processes share.

        Args:
            user: Id of the user.

        Yields:
            Whether a place was free.
        """
        number = self._places.take(user)
        self._metrics.refused.inc(number is None)
        try:
            yield number is not None
        finally:
            if number is not None:
                self._places.give_back(user, number)

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))

    @contextmanager
    def joined(self, connection: Connection) -> Iterator[None]:
        """Let a connection take part in broadcasts inside the ``with`` block."""
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

    def of(self, user: str) -> list[Connection]:
        """Return the connections of one user in this process.

        Args:
            user: The user's ``_id``.
        """
        return list(self._by_user.get(user, ()))

    def broadcast(self, frame: str | Broadcast, users: Collection[str] | None = None) -> None:
        """Send a frame to all connections, or to those of some users; return without waiting.

        Args:
            frame: The encoded frame, or a broadcast in the forms of all versions.
            users: Ids of the users; None for all connections.
        """
        self.broadcast_all([frame], users)

    def broadcast_all(
        self, frames: Iterable[str | Broadcast], users: Collection[str] | None = None
    ) -> None:
        """Send several frames in order, with one write for each connection.

        Args:
            frames: Encoded frames, and broadcasts in the forms of all versions.
            users: Ids of the users; None for all connections.
        """
        parcel = Parcel(frames)
        if users is None:
            sent = sum([connection.post_parcel(parcel) for connection in list(self._connections)])
            self._metrics.sent.inc(sent)
            return
        # Walk the shorter collection: 30 users may be named of 5,000 who are connected, or 5,000
        # of whom 30 are.
        present = self._by_user
        concerned = (
            users if len(users) < len(present) else [user for user in present if user in users]
        )
        sent = 0
        for user in concerned:
            for connection in list(present.get(user, ())):
                sent += connection.post_parcel(parcel)
        self._metrics.sent.inc(sent)

    async def drain(self, seconds: float) -> None:
        """Close all sockets with 1001 and refuse new ones.

        Batches of ``BATCH_SOCKETS`` random sockets are closed at random moments.

        Args:
            seconds: Longest time to wait for the end of the last batch, in seconds.
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
