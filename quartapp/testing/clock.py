"""A clock that a test turns, so that no test has to wait for time to pass."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from quartapp.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from quartapp.clock import Limit, Timer

# Turns of the event loop for the tasks that a timer wakes, before the clock fires the next timer.
TURNS = 20
# The deadline ends a test that waits for a timer that nobody sets.
DEADLINE_SECONDS = 60.0
_CLOSE_ENOUGH = 1e-3


class TurnedClock(Clock):
    """A clock that stands still until a test turns it.

    Other processes, such as MongoDB, keep their own time.

    Args:
        begins: Time at which the clock begins, with a time zone; None for the present, in whole
            seconds.

    Example:
        >>> async def test_code_runs_out(serve):
        ...     clock = TurnedClock()
        ...     server = await serve(clock=clock)
        ...     await clock.advance(30)
    """

    def __init__(self, begins: datetime | None = None) -> None:
        super().__init__()
        self._began = float(int(time.time())) if begins is None else begins.timestamp()
        self._passed = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = count()
        self._set = asyncio.Event()
        self.time = lambda: self._began + self._passed
        self.monotonic = lambda: self._passed

    async def advance(self, seconds: float) -> None:
        """Turn the clock, and fire the timers that become due, in their order.

        The call does not wait for a woken task that then waits for something else than this clock,
        such as MongoDB: wait for the effect of the task, or with :meth:`asked` for its next timer.

        Args:
            seconds: Time to turn the clock by, in seconds.
        """
        end = self._passed + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heappop(self._timers)
            self._passed = max(due, self._passed)
            if timer.call():
                await self._settle()
        self._passed = end
        await self._settle()

    async def asked(self, seconds: float) -> None:
        """Wait until a task waits for this time, to the millisecond.

        Args:
            seconds: The seconds of the task's :meth:`sleep`, :meth:`timeout` or
                :meth:`call_later`.

        Raises:
            AssertionError: No task waits for this time.
        """
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not any(abs(one - seconds) < _CLOSE_ENOUGH for one in self.waiting):
                    self._set.clear()
                    await self._set.wait()
        except TimeoutError:
            raise AssertionError(
                f"nobody waits for {seconds:g} s, only for {self.waiting}"
            ) from None

    @property
    def waiting(self) -> list[float]:
        """The seconds of all calls that wait for this clock, as the callers gave them, sorted."""
        return sorted(timer.seconds for _, _, timer in self._timers if timer.is_set)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been turned.

        Args:
            seconds: Time to wait by this clock, in seconds.
        """
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        over = asyncio.Event()
        timer = self.call_later(seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    def call_later(self, seconds: float, function: Callable[..., object], *args: object) -> Timer:
        """Call a function when the clock has been turned.

        Args:
            seconds: Time before the call by this clock, in seconds.
            function: The function.
            args: Its arguments.
        """
        if seconds <= 0:
            return asyncio.get_running_loop().call_soon(function, *args)
        timer = _Timer(seconds, partial(function, *args))
        heappush(self._timers, (self._passed + seconds, next(self._numbers), timer))
        self._set.set()
        return timer

    def timeout(self, seconds: float) -> Limit:
        """Return a context manager that limits the time of its block by this clock.

        Args:
            seconds: Time limit of the block, in seconds.
        """
        return _Limit(self, seconds)

    async def _settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)


class _Timer:
    def __init__(self, seconds: float, function: Callable[[], object]) -> None:
        self.seconds = seconds
        self._function: Callable[[], object] | None = function

    @property
    def is_set(self) -> bool:
        return self._function is not None

    def call(self) -> bool:
        function, self._function = self._function, None
        if function is not None:
            function()
        return function is not None

    def cancel(self) -> None:
        self._function = None


class _Limit:
    """asyncio's timeout, which expires by a ``TurnedClock``."""

    def __init__(self, clock: TurnedClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._limit = asyncio.timeout(None)
        self._timer: Timer | None = None

    def expired(self) -> bool:
        return self._limit.expired()

    async def __aenter__(self) -> _Limit:
        await self._limit.__aenter__()
        self._timer = self._clock.call_later(self._seconds, self._expire)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)  # raises the TimeoutError

    def _expire(self) -> None:
        self._limit.reschedule(asyncio.get_running_loop().time())
