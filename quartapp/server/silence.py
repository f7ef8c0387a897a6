"""A time limit on a peer's silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import asyncio

    from quartapp.clock import Clock, Timer


class Silence:
    """A time limit for the reads of one connection, with one timer for all reads.

    Args:
        reader: Stream whose reads are limited.
        longest: Longest time of a read, in seconds; None for no limit.
        clock: Clock that measures the time.
    """

    __slots__ = ("_clock", "_longest", "_reader", "_since", "_timer")

    def __init__(self, reader: asyncio.StreamReader, longest: float | None, clock: Clock) -> None:
        self._clock = clock
        self._reader = reader
        self._longest = longest
        self._since: float | None = None
        self._timer: Timer | None = None
        if longest is not None:
            self._look_in(longest)

    def begins(self) -> None:
        """Note the begin of a read."""
        self._since = self._clock.monotonic()

    def ends(self) -> None:
        """Note the end of a read."""
        self._since = None

    def close(self) -> None:
        """Stop the timer; no read follows."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        self._timer = self._clock.call_later(seconds, self._look)

    def _look(self) -> None:
        longest = cast("float", self._longest)
        lasted = 0.0 if self._since is None else self._clock.monotonic() - self._since
        if lasted < longest:
            self._look_in(longest - lasted)
        else:
            self._reader.set_exception(TimeoutError())
