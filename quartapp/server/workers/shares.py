"""Distribution of connections: a worker with the fewest connections accepts the next one.

All workers listen on one socket, so that no client waits for a worker that hangs or leaves. But
without shares, the first idle worker to wake up accepts a connection, and that is mostly the same
worker.
"""

from __future__ import annotations

import mmap
import os
import time

MOST_WORKERS = 1024
_BYTES = 4  # of a signed number, in array's and struct's code "i"
_FREE, _TAKES_NONE = -2, -1
# Time that a worker leaves a connection to workers with fewer connections, which may be busy or
# hang. After that, the worker accepts connections for IMPATIENT_SECONDS without waiting.
PATIENCE_SECONDS = 0.01
IMPATIENT_SECONDS = 0.1


class Shares:
    """The number of connections of each worker, in memory that forked processes share."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, MOST_WORKERS * _BYTES)).cast("i")
        for number in range(MOST_WORKERS):
            self._counts[number] = _FREE

    def add(self) -> Share:
        """Return a share for a worker that is about to be forked.

        The arbiter gives the share back when the worker has ended.

        Raises:
            ValueError: There are ``MOST_WORKERS`` workers already.
        """
        number = self._counts.tolist().index(_FREE)
        self._counts[number] = _TAKES_NONE
        return Share(self._counts, number)


class Share:
    """The number of connections of one worker, visible to the others.

    Args:
        counts: Number of connections of each worker, in shared memory.
        number: Index of this worker in ``counts``.
    """

    def __init__(self, counts: memoryview[int], number: int) -> None:
        self._counts = counts
        self._number = number
        self._left_to: list[int] = []
        self._left_at = 0.0
        self._impatient_until = 0.0

    def begin(self) -> None:
        """Begin to accept connections."""
        self._counts[self._number] = 0

    def leave(self) -> None:
        """Accept no further connections."""
        self._counts[self._number] = _TAKES_NONE

    def give_back(self) -> None:
        """Free the place of a worker that has ended; called in the arbiter."""
        self._counts[self._number] = _FREE

    def opened(self) -> None:
        """Count a connection that was accepted."""
        self._counts[self._number] += 1

    def closed(self) -> None:
        """Count a connection that was closed."""
        if self._counts[self._number] > 0:
            self._counts[self._number] -= 1

    def may_take(self) -> bool:
        """Tell whether the worker should accept a waiting connection or leave it to another."""
        others = self._counts.tolist()
        own = others.pop(self._number)
        if all(count >= own or count < 0 for count in others):
            return True
        now = time.monotonic()
        if now < self._impatient_until:
            return True
        if self._left_to != others:  # another worker accepted or closed a connection
            self._left_to, self._left_at = others, now
        if now - self._left_at < PATIENCE_SECONDS:
            os.sched_yield()  # perhaps another worker waits for this processor
            return False
        self._impatient_until = now + IMPATIENT_SECONDS
        return True
