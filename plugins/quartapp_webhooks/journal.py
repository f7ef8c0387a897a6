"""Writes of events to the outbox, in batches under load, and repeated when MongoDB was away."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from quartapp import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp import Clock, Document


log = structlog.get_logger("quartapp.webhooks")

EVENTS_PER_WRITE = 200
MOST_KEPT = 10_000
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class _Entry:
    deliveries: list[Document]
    tried: asyncio.Future[None]


class Journal:
    """The writer of the outbox.

    Args:
        store: Function that stores deliveries; a repeated call with the same ones must be harmless.
        stored: Called with deliveries after they are stored.
        clock: Clock that measures the pauses between attempts.
    """

    def __init__(
        self,
        store: Callable[[list[Document]], Awaitable[None]],
        stored: Callable[[list[Document]], None],
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._store = store
        self._stored = stored
        self._waiting: deque[_Entry] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_behind = False
        self._closing = asyncio.Event()

    async def record(self, deliveries: list[Document]) -> None:
        """Store deliveries.

        On return the deliveries are stored, or MongoDB is away and they stay in memory until it is
        back.

        Args:
            deliveries: Deliveries of one event.
        """
        tried: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(deliveries, tried))
        if self._writer is None:
            # A task of its own: a cancelled caller must not cancel the storing of the event.
            self._writer = asyncio.create_task(self._write_all())
        if not self._is_behind:
            await tried

    async def close(self, seconds: float) -> None:
        """Store the deliveries that are still in memory.

        Deliveries that are recorded afterwards get one attempt.

        Args:
            seconds: Longest time to take, in seconds.
        """
        self._closing.set()
        if self._writer is not None:
            with suppress(TimeoutError):
                await self._clock.wait_for(asyncio.wait({self._writer}), seconds)
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        self._give_up()

    async def _write_all(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while self._waiting:
                batch = [self._waiting[n] for n in range(min(len(self._waiting), EVENTS_PER_WRITE))]
                if await self._write(batch):
                    pause = FIRST_PAUSE_SECONDS
                    continue
                if self._closing.is_set():
                    self._give_up()
                    return
                with suppress(TimeoutError):
                    await self._clock.wait_for(self._closing.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            self._writer = None
            self._is_behind = False

    async def _write(self, batch: list[_Entry]) -> bool:
        deliveries = [delivery for entry in batch for delivery in entry.deliveries]
        try:
            await self._store(deliveries)
        except DatabaseUnavailableError as error:
            log.warning(
                "events wait for the database", waiting=len(self._waiting), reason=str(error)
            )
            self._is_behind = True
            self._let_callers_go()
            self._forget_oldest()
            return False
        except Exception as error:
            # A delivery that the database never accepts must not block the others.
            log.exception("events could not be stored, they are lost", exc_info=error)
        else:
            self._stored(deliveries)
        self._is_behind = False
        for _ in batch:
            _let_go(self._waiting.popleft())
        return True

    def _let_callers_go(self) -> None:
        for entry in self._waiting:
            _let_go(entry)

    def _forget_oldest(self) -> None:
        excess = len(self._waiting) - MOST_KEPT
        if excess > 0:
            log.error("too many events wait for the database, the oldest are lost", lost=excess)
            for _ in range(excess):
                self._waiting.popleft()

    def _give_up(self) -> None:
        if self._waiting:
            log.error("events are lost, the database is away", lost=len(self._waiting))
        self._let_callers_go()
        self._waiting.clear()


def _let_go(entry: _Entry) -> None:
    if not entry.tried.done():
        entry.tried.set_result(None)
