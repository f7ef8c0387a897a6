"""The time of the database, measured at the start and again every minute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge
from pymongo.errors import PyMongoError

from quartapp.clock import SharedClock
from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from quartapp.clock import Clock
    from quartapp.database.database import Database

log = structlog.get_logger("quartapp.database")

MEASURE_SECONDS = 60.0
# The answer that comes soonest says most precisely when it was given.
TRIES = 3
# MongoDB tells its time in milliseconds.
RESOLUTION_SECONDS = 0.001
# A smaller difference between this machine and the database is not worth a line in the log.
TOLD_SECONDS = 1.0


class SharedTime:
    """Keeps the clock of an app at the time of the database.

    Args:
        database: The database.
        clock: The clock; one that is no shared clock, as in tests, is left alone.
        registry: Registry of the metric.
    """

    def __init__(self, database: Database, clock: Clock, registry: CollectorRegistry) -> None:
        self._database = database
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._gauge = Gauge(
            "quartapp_clock_ahead_seconds",
            "Seconds by which the database's clock is ahead of the clock of this machine.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )

    async def measure(self) -> None:
        """Measure the time of the database, and set the clock.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if not isinstance(self._clock, SharedClock):
            return
        moment, at, error = min([await self._asked() for _ in range(TRIES)], key=lambda one: one[2])
        change = self._clock.agree(moment, at, error)
        self._gauge.set(self._clock.ahead)
        if abs(change) > TOLD_SECONDS:
            log.warning(
                "the clock of this machine and the clock of the database differ; "
                "the database's is used",
                database_is_ahead_by=round(self._clock.ahead, 3),
            )

    async def start(self) -> None:
        """Measure now, and again every minute until :meth:`stop`.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if not isinstance(self._clock, SharedClock):
            return
        await self.measure()
        self._task = asyncio.create_task(self._repeat())

    async def stop(self) -> None:
        """Stop measuring."""
        if self._task is not None:
            await end_tasks([self._task])

    async def _repeat(self) -> None:
        while True:
            await self._clock.sleep(MEASURE_SECONDS)
            try:
                await self.measure()
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("the time of the database is unknown", reason=str(error))

    async def _asked(self) -> tuple[float, float, float]:
        """Return the time of the database, the moment of the answer, and the greatest error."""
        before = self._clock.monotonic()
        async with self._database.operation():
            told = await self._database.documents.client.admin.command("hello")
        after = self._clock.monotonic()
        error = (after - before) / 2 + RESOLUTION_SECONDS
        return told["localTime"].timestamp(), (before + after) / 2, error
