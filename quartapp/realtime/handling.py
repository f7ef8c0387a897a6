"""The time limit of event handlers: a handler that takes too long is cancelled, its socket stays.

A timer for each frame would cost as much as a small handler. So each task that runs handlers notes
when its handler began, and one task of the process looks at all these times once a second.
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
    """Stop the time limit of the running event handler during a block of code.

    After the block, the handler has its full time again. Use the block for waits that the handler
    cannot shorten, such as the wait until the database reports a change that is stored already.
    Outside an event handler, the block changes nothing.

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
    """The time limit of one task's handlers: ``with handling: await handler(...)``.

    The task that makes this object runs one handler at a time. It is the task of a socket, or that
    of one frame, if handlers of the frame's event overlap.

    Args:
        clock: Clock that measures the time of handlers.

    Attributes:
        since: Time of the clock when the running handler began, in seconds; None while no handler
            runs, and while :func:`untimed` has stopped the limit.
    """

    __slots__ = ("_clock", "_cut", "_task", "since")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._task = asyncio.current_task()
        self._cut = False
        self.since: float | None = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the limit during the block; afterwards the handler has its full time again."""
        timed, self.since = self.since is not None, None
        try:
            yield
        finally:
            if timed:
                self.since = self._clock.monotonic()

    def cut(self) -> None:
        """Cancel the running handler; its task continues after it."""
        # The watchdog calls this while the handler's task waits. Such a task with a handler waits
        # inside the handler, so the cancellation arrives there.
        if self._task is not None:
            self._cut = True
            self._task.cancel()

    def __enter__(self) -> None:
        """Note that a handler begins."""
        self.since = self._clock.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Note that the handler has ended.

        Raises:
            HandlerCutError: The watchdog has cancelled the handler.
        """
        self.since = None
        if not self._cut:
            return
        self._cut = False
        # Another caller may have cancelled the task too; then the task has to end.
        if self._task is not None and self._task.uncancel() == 0:
            raise HandlerCutError from error


class HandlerCutError(HookFailedError):
    """The error for a handler that exceeded its time limit."""


class Watchdog:
    """The task that cancels handlers of this process which exceed their time limit.

    Args:
        clock: Clock that measures the pauses between two looks.
        seconds: Time limit of a handler, in seconds. The watchdog cancels a handler one or two
            seconds after the limit.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._all: set[Handling] = set()
        self._looking: asyncio.Task[None] | None = None

    def watch(self) -> Handling:
        """Watch the handlers that the calling task runs from now on.

        Returns:
            The time limit of the task's handlers. Give it to :meth:`forget` at the end.
        """
        handling = Handling(self._clock)
        _handling.set(handling)
        self._all.add(handling)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return handling

    def forget(self, handling: Handling) -> None:
        """Watch a task no longer.

        Args:
            handling: What :meth:`watch` returned for the task.
        """
        self._all.discard(handling)
        if not self._all and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            # A handler may call a hook, which has the same limit and began later. The second that
            # is added here lets the hook fail first, so that the error names the hook.
            began_before = self._clock.monotonic() - self._seconds - LOOK_SECONDS
            for handling in self._all:
                if handling.since is not None and handling.since < began_before:
                    handling.cut()
