"""How long a peer may say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import asyncio

    from quartapp.clock import Clock, Timer


class Silence:
    """Ends a read that lasts too long. One timer, which looks now and then, serves all reads.

    Args:
        reader: What is read.
        longest: Seconds that a read may last; None for ever.
        clock: What measures them.
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
        """A read begins."""
        self._since = self._clock.monotonic()

    def ends(self) -> None:
        """It has ended."""
        self._since = None

    def close(self) -> None:
        """There will be no further one."""
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
