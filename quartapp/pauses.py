"""Pauses between tries of what has failed."""

from __future__ import annotations

import random
from dataclasses import dataclass

# A float holds no higher power of two than 2**1023.
_MOST_DOUBLINGS = 1000


@dataclass(frozen=True, slots=True)
class Pauses:
    """Pauses that double with each failure in a row, up to a longest pause.

    A part of each pause is random, so that what failed together is not tried again together.

    Attributes:
        first: Pause after the first failure, in seconds.
        longest: Longest pause, in seconds.
        random_part: Part of each pause that is random, from 0 to 1.

    Example:
        >>> pauses = Pauses(first=1, longest=60, random_part=0)
        >>> [pauses.after(failures) for failures in (1, 2, 3, 100)]
        [1.0, 2.0, 4.0, 60.0]
    """

    first: float
    longest: float
    random_part: float = 0.5

    def after(self, failures: int) -> float:
        """Return the pause before the next try, in seconds.

        Args:
            failures: Number of failures in a row, at least 1.
        """
        doubled = self.first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        certain = 1 - self.random_part * random.random()  # noqa: S311 - no secret
        return float(min(doubled, self.longest)) * certain
