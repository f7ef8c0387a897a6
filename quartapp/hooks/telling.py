"""The queue of events for ``on_event``: one event after another, without delay of the caller."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, NamedTuple

import structlog

from quartapp.ending import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from quartapp.clock import Clock
    from quartapp.telemetry.metrics import Metrics

log = structlog.get_logger("quartapp.plugins")

MOST_WAITING = 1000
STOP_SECONDS = 1.5

_is_told: ContextVar[bool] = ContextVar("quartapp_event_is_told", default=False)


class _Happened(NamedTuple):
    events: tuple[object, ...]
    # With the context of the cause, log lines have its request, and ``core()`` finds its app.
    context: Context


class Telling:
    """The events that wait for plugins, in the order in which they happened.

    Args:
        tell: Function that tells every plugin of events that happened together, and never raises.
        clock: Clock that measures ``STOP_SECONDS``.
        metrics: Metrics of the backlog and of the time per event; None for no metrics.
    """

    def __init__(
        self,
        tell: Callable[[tuple[object, ...]], Coroutine[object, object, object]],
        clock: Clock,
        metrics: Metrics | None,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._metrics = metrics
        self._waiting: deque[_Happened] = deque()
        self._teller: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

    async def add(self, events: tuple[object, ...]) -> None:
        """Add events that happened together to the queue, as one entry.

        The call returns at once unless more than ``MOST_WAITING`` entries wait; then it returns
        when the queue is short enough. Plugins hear of the event in either case, even if the
        caller is cancelled.

        Args:
            events: The events, frozen dataclasses; one at least.
        """
        self._waiting.append(_Happened(events, copy_context()))
        self._show()
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_all())
        # An event that a plugin causes inside ``on_event`` must not wait for that same call.
        if len(self._waiting) > MOST_WAITING and not _is_told.get():
            await self._until(lambda: len(self._waiting) <= MOST_WAITING)

    async def all_told(self) -> None:
        """Wait until the plugins have handled all events."""
        await self._until(lambda: self._teller is None)

    async def close(self) -> None:
        """Wait for the last events, at most ``STOP_SECONDS``; log the number of lost events."""
        with suppress(TimeoutError):
            await self._clock.wait_for(self.all_told(), STOP_SECONDS)
        if self._teller is not None:
            log.error("plugins were not told of the last events", events=len(self._waiting))
            self._waiting.clear()
            await end_tasks([self._teller])
            self._show()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)

    async def _tell_all(self) -> None:
        try:
            while self._waiting:
                events, context = self._waiting[0]
                context.run(_is_told.set, True)
                began = time.perf_counter()
                await asyncio.create_task(self._tell(events), context=context)
                if self._metrics is not None:
                    self._metrics.event_seconds.observe(time.perf_counter() - began)
                self._waiting.popleft()
                self._show()
                async with self._changed:
                    self._changed.notify_all()
        finally:
            self._teller = None
            async with self._changed:
                self._changed.notify_all()

    def _show(self) -> None:
        if self._metrics is not None:
            self._metrics.events_waiting.set(len(self._waiting))
