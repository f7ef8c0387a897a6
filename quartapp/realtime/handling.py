"""Handlers of frames, cut off when they hang; their sockets live on.

A timer of each frame would cost as much as a small handler. So each socket notes when its handler
began, and one task per process looks at all of them once a second.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from quartapp.errors import HookFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from quartapp.clock import Clock

LOOK_SECONDS = 1.0

_handling: ContextVar[Handling | None] = ContextVar("handling", default=None)


@contextmanager
def untimed() -> Iterator[None]:
    """Leave a wait out of the time that the event handler under way may take.

    The handler's time begins anew after the block. The block is for waits that are no fault of the
    handler, such as the wait until a change that is stored has come back through the database.
    Outside a handler, the block changes nothing.

    Example:
        >>> async def handle(connection, data):
        ...     await store(data)
        ...     with untimed():
        ...         await until_shown(data)
    """
    handling = _handling.get()
    if handling is None:
        yield
        return
    with handling.paused():
        yield


class Handling:
    """The handler that one socket runs, if it runs one: ``with handling: await handler(...)``.

    Args:
        clock: What tells when a handler began.
    """

    __slots__ = ("_clock", "_cut", "_task", "since")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._task = asyncio.current_task()
        self._cut = False
        self.since: float | None = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the handler take all the time that the block needs."""
        timed, self.since = self.since is not None, None
        try:
            yield
        finally:
            if timed:
                self.since = self._clock.monotonic()

    def cut(self) -> None:
        """Cancel the handler, and nothing else of the socket's task."""
        # The watchdog runs while the task waits, and the task only waits inside the handler.
        if self._task is not None:
            self._cut = True
            self._task.cancel()

    def __enter__(self) -> None:
        """Begin."""
        self.since = self._clock.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End.

        Raises:
            HandlerCutError: The handler was cut off.
        """
        self.since = None
        if not self._cut:
            return
        self._cut = False
        # Where somebody else has cancelled the task too, it ends.
        if self._task is not None and self._task.uncancel() == 0:
            raise HandlerCutError from error


class HandlerCutError(HookFailedError):
    """A handler took longer than it may."""


class Watchdog:
    """Looks at all handlers of a process.

    Args:
        clock: What it waits by.
        seconds: How long a handler may take; it is cut within a second or two afterwards.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._all: set[Handling] = set()
        self._looking: asyncio.Task[None] | None = None

    def watch(self) -> Handling:
        """Return the handling of the socket whose task this is, to be given to :meth:`forget`."""
        handling = Handling(self._clock)
        _handling.set(handling)
        self._all.add(handling)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return handling

    def forget(self, handling: Handling) -> None:
        """Forget the handling of a socket that has closed."""
        self._all.discard(handling)
        if not self._all and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            # A hook that a handler asks has the same limit, began later, and is to be named.
            began_before = self._clock.monotonic() - self._seconds - LOOK_SECONDS
            for handling in self._all:
                if handling.since is not None and handling.since < began_before:
                    handling.cut()
