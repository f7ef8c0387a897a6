"""Which worker takes a connection: one of those that have the fewest.

All workers listen on one socket, so that nobody waits at a worker that hangs or leaves. But of
several that are idle, the one that wakes up first would take it: the same one, again and again.
"""

from __future__ import annotations

import mmap
import os
import time

MOST_WORKERS = 1024
_BYTES = 4  # of a signed number, in array's and struct's code "i"
_FREE, _TAKES_NONE = -2, -1
# How long a worker leaves a connection to others who should have it, and do not take it: they may
# be busy, or hang. And for how long it does not wait for them again.
PATIENCE_SECONDS = 0.01
IMPATIENT_SECONDS = 0.1


class Shares:
    """How many connections each worker has, in memory that forked processes share."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, MOST_WORKERS * _BYTES)).cast("i")
        for number in range(MOST_WORKERS):
            self._counts[number] = _FREE

    def add(self) -> Share:
        """The share of a worker that is about to be forked; it has to give it back.

        Raises:
            ValueError: There are too many.
        """
        number = self._counts.tolist().index(_FREE)
        self._counts[number] = _TAKES_NONE
        return Share(self._counts, number)


class Share:
    """One worker's share, which others see.

    Args:
        counts: All of them.
        number: Which is its own.
    """

    def __init__(self, counts: memoryview[int], number: int) -> None:
        self._counts = counts
        self._number = number
        self._left_to: list[int] = []
        self._left_at = 0.0
        self._impatient_until = 0.0

    def begin(self) -> None:
        """From now on the worker takes connections."""
        self._counts[self._number] = 0

    def leave(self) -> None:
        """It takes none any more."""
        self._counts[self._number] = _TAKES_NONE

    def give_back(self) -> None:
        """In the process that forked it: it is gone."""
        self._counts[self._number] = _FREE

    def opened(self) -> None:
        """It has one more."""
        self._counts[self._number] += 1

    def closed(self) -> None:
        """It has one less."""
        if self._counts[self._number] > 0:
            self._counts[self._number] -= 1

    def may_take(self) -> bool:
        """Whether the worker is to take a connection that waits, or to leave it to another."""
        others = self._counts.tolist()
        own = others.pop(self._number)
        if all(count >= own or count < 0 for count in others):
            return True
        now = time.monotonic()
        if now < self._impatient_until:
            return True
        if self._left_to != others:  # somebody took one, or has room again
            self._left_to, self._left_at = others, now
        if now - self._left_at < PATIENCE_SECONDS:
            os.sched_yield()  # perhaps one of them is kept from it by us
            return False
        self._impatient_until = now + IMPATIENT_SECONDS
        return True
