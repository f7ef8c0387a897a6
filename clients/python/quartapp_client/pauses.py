"""Pauses before a client tries again, random so that a school's clients do not come at once."""

from __future__ import annotations

import asyncio
import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0


class Pauses:
    """Random pauses of up to a second, then up to twice as long for each further one.

    Args:
        longest: Longest pause, in seconds.
    """

    def __init__(self, longest: float = LONGEST_SECONDS) -> None:
        self._longest = longest
        self._most = min(FIRST_SECONDS, longest)

    def succeeded(self) -> None:
        """Begin again with a short pause."""
        self._most = min(FIRST_SECONDS, self._longest)

    async def pause(self, at_least: float = 0.0) -> None:
        """Wait.

        Args:
            at_least: Shortest time, as the server asks for in ``Retry-After``, in seconds.
        """
        chosen = random.uniform(0.0, self._most)  # noqa: S311 - no secret
        self._most = min(self._most * 2, self._longest)
        await asyncio.sleep(max(chosen, at_least))
