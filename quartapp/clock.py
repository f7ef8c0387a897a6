"""The clock of an app: whatever decides by time asks this one, so that tests can turn it.

Timeouts of the driver, of Hypercorn and of the kernel are their own and follow real time.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

Result = TypeVar("Result")


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Do not call; harmless when the call was made."""


class Limit(Protocol):
    """A time limit, to be used as asyncio's: ``async with clock.timeout(3): ...``."""

    def expired(self) -> bool:
        """Return whether the limit ended what was inside."""

    async def __aenter__(self) -> object:
        """Begin."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """End; a limit that has expired raises TimeoutError."""


class Clock:
    """The time of the system, and timers of the running event loop.

    Attributes:
        time: Returns the seconds since the epoch.
        monotonic: Returns seconds that only ever grow; their zero means nothing.
    """

    def __init__(self) -> None:
        # Attributes instead of methods: asking costs no more than asking the system itself.
        self.time: Callable[[], float] = time.time
        self.monotonic: Callable[[], float] = time.monotonic

    def now(self) -> datetime:
        """Return the time in UTC, cut to the milliseconds that MongoDB keeps."""
        now = datetime.fromtimestamp(self.time(), UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: How long; 0 or less lets other tasks have a turn.
        """
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, function: Callable[..., object], *args: object) -> Timer:
        """Call a function later, in the running event loop.

        Args:
            seconds: How much later.
            function: What to call; must not wait.
            args: Arguments of the call.
        """
        return asyncio.get_running_loop().call_later(seconds, function, *args)

    def timeout(self, seconds: float) -> Limit:
        """Limit the time of what is awaited inside ``async with``.

        Args:
            seconds: The limit; TimeoutError is raised after it.
        """
        return asyncio.timeout(seconds)

    async def wait_for(self, awaitable: Awaitable[Result], seconds: float) -> Result:
        """Await something, for a limited time.

        Args:
            awaitable: What to await; it is cancelled at the limit.
            seconds: The limit.

        Raises:
            TimeoutError: It took longer.
        """
        async with self.timeout(seconds):
            return await awaitable


SYSTEM_CLOCK = Clock()
"""The clock of every app that is given no other one; it has no state."""
