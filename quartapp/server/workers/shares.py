"""Distribution of connections: a worker with the fewest connections accepts the next one.

All workers listen on one socket, so that no client waits for a worker that hangs or leaves. But
without shares, the first idle worker to wake up accepts a connection, and that is mostly the same
worker.
"""

from __future__ import annotations

import mmap
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WORKERS = 1024
_BYTES = 4  # of a number in array's and struct's codes "i" and "I"
_FREE, _TAKES_NONE = -2, -1
# Time that a worker leaves a connection to workers with fewer connections, which on a busy machine
# may have to wait for a processor. A worker that misses the connection all the same, for example
# because it hangs, is not waited for during MISSING_SECONDS, unless it accepts another.
PATIENCE_SECONDS = 0.05
MISSING_SECONDS = 1.0
# Longest time between two calls that counts as waiting: they may be for two connections.
LONGEST_STEP_SECONDS = PATIENCE_SECONDS / 5


class Shares:
    """The number of connections of each worker, in memory that forked processes share.

    Args:
        monotonic: Clock that measures how long a connection waits, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._open = memoryview(mmap.mmap(-1, MOST_WORKERS * _BYTES)).cast("i")
        self._accepted = memoryview(mmap.mmap(-1, MOST_WORKERS * _BYTES)).cast("I")
        self._monotonic = monotonic
        for number in range(MOST_WORKERS):
            self._open[number] = _FREE

    def add(self) -> Share:
        """Return a share for a worker that is about to be forked.

        The arbiter gives the share back when the worker has ended.

        Raises:
            ValueError: There are ``MOST_WORKERS`` workers already.
        """
        number = self._open.tolist().index(_FREE)
        self._open[number] = _TAKES_NONE
        return Share(self._open, self._accepted, number, self._monotonic)


class Share:
    """The number of connections of one worker, visible to the others.

    Args:
        opened: Number of open connections of each worker, in shared memory.
        accepted: Number of connections that each worker has ever accepted, in shared memory; after
            the largest number, the count begins again at 0.
        number: Index of this worker in both.
        monotonic: Clock that measures how long a connection waits, in seconds.
    """

    def __init__(
        self,
        opened: memoryview[int],
        accepted: memoryview[int],
        number: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._open = opened
        self._accepted = accepted
        self._number = number
        self._monotonic = monotonic
        self._seen: list[int] = []  # the numbers of accepted connections at the last refusal
        self._refused_at = 0.0
        self._waited = 0.0
        self._missing: dict[int, tuple[int, float]] = {}  # number accepted, and until when

    def begin(self) -> None:
        """Begin to accept connections."""
        self._open[self._number] = 0

    def leave(self) -> None:
        """Accept no further connections."""
        self._open[self._number] = _TAKES_NONE

    def give_back(self) -> None:
        """Free the place of a worker that has ended; called in the arbiter."""
        self._open[self._number] = _FREE

    def opened(self) -> None:
        """Count a connection that was accepted."""
        self._open[self._number] += 1
        self._accepted[self._number] = (self._accepted[self._number] + 1) % 2 ** (8 * _BYTES)

    def closed(self) -> None:
        """Count a connection that was closed."""
        if self._open[self._number] > 0:
            self._open[self._number] -= 1

    def may_take(self) -> bool:
        """Tell whether the worker should accept a waiting connection or leave it to another."""
        own = self._open[self._number]
        fewer = [number for number, count in enumerate(self._open.tolist()) if 0 <= count < own]
        if not fewer:
            return True
        now, accepted = self._monotonic(), self._accepted.tolist()
        awaited = [number for number in fewer if not self._is_missing(number, accepted, now)]
        if not awaited:
            return True
        if accepted != self._seen:  # another worker has taken the connection
            self._seen, self._waited = accepted, 0.0
        else:
            self._waited += min(now - self._refused_at, LONGEST_STEP_SECONDS)
        self._refused_at = now
        if self._waited < PATIENCE_SECONDS:
            os.sched_yield()  # perhaps another worker waits for this processor
            return False
        self._waited = 0.0
        for number in awaited:
            self._missing[number] = accepted[number], now + MISSING_SECONDS
        return True

    def _is_missing(self, number: int, accepted: list[int], now: float) -> bool:
        had_accepted, until = self._missing.get(number, (0, now))
        return had_accepted == accepted[number] and now < until
