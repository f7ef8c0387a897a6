"""The threads that compute bcrypt hashes, and the queue in front of them."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from quartapp import SignInUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_auth.metrics import AuthMetrics

Result = TypeVar("Result")

# Steps of the operating system's scale from -20 to 19 by which hashes yield to everything else.
NICENESS = 10
LEAST_PRIORITY = 19


class Hashing:
    """A bounded pool of threads with a low priority, for computations that keep a core busy.

    All cores but one can be at work, at least one, and workers of a server share them. On Linux the
    threads have a lower priority than the rest of the process. Other operating systems do not
    schedule threads by such a number, so there only the size of the pool protects other requests.

    Args:
        metrics: Metrics of the queue.
        workers: Number of processes that serve on this machine.
        longest_queue: Largest number of computations that wait for a thread.
    """

    def __init__(self, metrics: AuthMetrics, workers: int, longest_queue: int) -> None:
        size = max(1, (_cores() - 1) // workers)
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(size, "password", _yield_to_others)
        self._free = asyncio.Semaphore(size)
        self._longest_queue = longest_queue
        self._most_sign_ins = size + longest_queue
        self._sign_ins = 0
        self._waiting = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for a sign-in, from before the first look at the database to its end.

        Without places, a flood would cost each sign-in its reads and keep the event loop at work
        with them, before the queue refuses most.

        Raises:
            SignInUnavailableError: The threads and the queue could not take one more.
        """
        if self._sign_ins >= self._most_sign_ins:
            self._metrics.hashes_refused.inc()
            raise SignInUnavailableError(f"{self._sign_ins} sign-ins are under way")
        self._sign_ins += 1
        try:
            yield
        finally:
            self._sign_ins -= 1

    async def run(self, function: Callable[..., Result], *args: object) -> Result:
        """Call a function in one of the threads, as soon as one is free.

        Args:
            function: The function, which neither waits nor touches the event loop.
            args: Arguments of the call.

        Raises:
            SignInUnavailableError: The queue is full.
        """
        if self._free.locked() and self._waiting >= self._longest_queue:
            self._metrics.hashes_refused.inc()
            raise SignInUnavailableError(f"{self._waiting} passwords wait to be hashed")
        self._waiting += 1
        self._metrics.hashes_waiting.inc()
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
            self._metrics.hashes_waiting.dec()
        call = asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
        # A client that goes away ends the wait and not the computation, which keeps its thread.
        call.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(call)

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _yield_to_others() -> None:
    if sys.platform == "linux":
        # Linux gives each thread a priority of its own, and 0 is the calling thread.
        priority = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, LEAST_PRIORITY)
        os.setpriority(os.PRIO_PROCESS, 0, priority)
