"""A limit on the rate at which a client sends."""

from __future__ import annotations

from time import monotonic as system_monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A client that exceeds the rate for PATIENCE_SECONDS without pausing for a second is disconnected.
PATIENCE_SECONDS = 30.0


class TooFastError(Exception):
    """The client has exceeded the rate for too long, although it was slowed down."""


class Pace:
    """A token bucket for the frames of one client.

    Args:
        rate: Long-term limit, in frames per second.
        burst: Number of frames that the client may send at once.
        monotonic: Function that returns the time in seconds, like that of
            :class:`~quartapp.clock.Clock`.
    """

    __slots__ = ("_burst", "_last", "_left", "_monotonic", "_rate", "_slowed_since")

    def __init__(
        self, rate: float, burst: int, monotonic: Callable[[], float] = system_monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._monotonic = monotonic
        self._last = monotonic()
        self._slowed_since: float | None = None

    def take(self) -> float:
        """Count one frame.

        Returns:
            Time to wait before handling the frame, in seconds; 0 for a frame within the limit.

        Raises:
            TooFastError: The client has exceeded the rate for :data:`PATIENCE_SECONDS`.
        """
        now = self._monotonic()
        left = min(self._left + (now - self._last) * self._rate, self._burst)
        self._last = now
        self._left = left - 1
        if left >= 1:
            if left >= min(self._rate, self._burst):
                self._slowed_since = None
            return 0.0
        if self._slowed_since is None:
            self._slowed_since = now
        elif now - self._slowed_since > PATIENCE_SECONDS:
            raise TooFastError
        return (1 - left) / self._rate
