"""The clock of an app, which decides everything that depends on time, so that tests can turn it.

Timeouts of the database driver, of Hypercorn and of the kernel follow real time instead.
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
    """A call that a clock will make."""

    def cancel(self) -> None:
        """Prevent the call; do nothing if the call was made already."""


class Limit(Protocol):
    """A time limit, to be used as asyncio's: ``async with clock.timeout(3): ...``."""

    def expired(self) -> bool:
        """Tell whether the limit ended the block."""

    async def __aenter__(self) -> object:
        """Begin the limited time."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """End the limited time, and raise TimeoutError if it has expired."""


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
        """Wait for a time.

        Args:
            seconds: Time to wait, in seconds; 0 or less lets other tasks have a turn.
        """
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, function: Callable[..., object], *args: object) -> Timer:
        """Call a function later, in the running event loop.

        Args:
            seconds: Time until the call, in seconds.
            function: Function to call, which must not wait.
            args: Arguments of the call.
        """
        return asyncio.get_running_loop().call_later(seconds, function, *args)

    def timeout(self, seconds: float) -> Limit:
        """Limit the time of a block ``async with``.

        Args:
            seconds: The limit, in seconds; TimeoutError is raised when it has passed.
        """
        return asyncio.timeout(seconds)

    async def wait_for(self, awaitable: Awaitable[Result], seconds: float) -> Result:
        """Await something, for a limited time.

        Args:
            awaitable: The awaitable, which is cancelled at the limit.
            seconds: The limit, in seconds.

        Raises:
            TimeoutError: The awaitable took longer than the limit.
        """
        async with self.timeout(seconds):
            return await awaitable


SYSTEM_CLOCK = Clock()
"""The clock of the system, which has no state."""


class SharedClock(Clock):
    """The time of the database, which all servers of an installation share.

    The clock counts on from the last measurement with ``monotonic``, so it does not jump when
    somebody sets the clock of this machine. Until the first measurement, it has the time at which
    it was made.

    Args:
        own: Clock of this process, which also makes the timers.

    """

    def __init__(self, own: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self._own = own
        # The shared time at the zero of ``monotonic``.
        self._zero = own.time() - own.monotonic()
        self.time = lambda: own.monotonic() + self._zero
        self.monotonic = own.monotonic

    @property
    def ahead(self) -> float:
        """Seconds by which the shared time is ahead of the clock of this process."""
        return self.time() - self._own.time()

    def agree(self, moment: float, at: float, error: float) -> float:
        """Take over a measured time, unless the clock has that time already.

        Args:
            moment: The measured time, in seconds since the epoch.
            at: Value of ``monotonic`` at that time.
            error: Greatest error of the measurement, in seconds.

        Returns:
            Seconds by which the clock was set forward; negative for back, 0 for not at all.
        """
        change = moment - at - self._zero
        if abs(change) <= error:
            return 0.0
        self._zero += change
        return change

    async def sleep(self, seconds: float) -> None:
        """Wait for a time, in seconds."""
        await self._own.sleep(seconds)

    def call_later(self, seconds: float, function: Callable[..., object], *args: object) -> Timer:
        """Call a function later, after a time in seconds."""
        return self._own.call_later(seconds, function, *args)

    def timeout(self, seconds: float) -> Limit:
        """Limit the time of a block ``async with``, in seconds."""
        return self._own.timeout(seconds)
