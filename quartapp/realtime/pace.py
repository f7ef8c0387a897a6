"""How fast one client may send."""

from __future__ import annotations

from time import monotonic as system_monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A client that has been too fast for so long, without a pause of a second, does not mean well.
PATIENCE_SECONDS = 30.0


class TooFastError(Exception):
    """The client was slowed down, and goes on as before."""


class Pace:
    """A token bucket: so many frames at once, so many a second in the long run.

    Args:
        rate: Frames a second.
        burst: Frames at once.
        monotonic: Returns the time, in seconds, as :class:`~quartapp.clock.Clock` does.
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
            The seconds to wait before it is handled; 0 for one in good time.

        Raises:
            TooFastError: The client has not kept to the pace for :data:`PATIENCE_SECONDS`.
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
