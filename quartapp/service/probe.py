"""One check for all who ask within a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.clock import Clock

PROBE_SECONDS = 1.0
EXTENSION = "quartapp.probe"


class Probe:
    """Checks something that costs a write, at most once in ``PROBE_SECONDS``.

    Args:
        check: The check; it raises :class:`DatabaseUnavailableError` if the database fails.
        clock: Clock that measures the time between two checks.
    """

    def __init__(self, check: Callable[[], Awaitable[None]], clock: Clock) -> None:
        self._check = check
        self._clock = clock
        self._last: asyncio.Task[str | None] | None = None
        self._begun = 0.0

    async def __call__(self) -> None:
        """Check, or repeat the result of the last check.

        Raises:
            DatabaseUnavailableError: The check failed.
        """
        now = self._clock.monotonic()
        last = self._last
        if last is None or (last.done() and not 0 <= now - self._begun < PROBE_SECONDS):
            last = self._last = asyncio.create_task(self._failure())
            self._begun = now
        # Whoever asked first may leave before the others.
        if (failure := await asyncio.shield(last)) is not None:
            raise DatabaseUnavailableError(failure)

    async def close(self) -> None:
        """End a check that is under way."""
        if self._last is not None:
            self._last.cancel()
            await asyncio.wait({self._last})

    async def _failure(self) -> str | None:
        try:
            await self._check()
        except DatabaseUnavailableError as error:
            return str(error)
        return None
