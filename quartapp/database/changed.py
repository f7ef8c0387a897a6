"""The documents of a collection that change, as all processes hear of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from pymongo.errors import PyMongoError

from quartapp.errors import DatabaseUnavailableError
from quartapp.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

HEARTBEAT_MILLISECONDS = 500
POLL_SECONDS = 1.0
# Copies count only if the stream has been heard within this time.
TRUSTED_SECONDS = 2.0
PAUSES = Pauses(first=0.1, longest=2, random_part=0)


async def changed_ids(
    database: Database, collection: str, stages: Sequence[Document] = ()
) -> AsyncIterator[Collection[Any]]:  # Any: whatever type the collection's ids have
    """Yield the ids of documents that change, from a change stream.

    The first value is empty, and comes when the watch begins: what happened before may be anything.
    Later empty values say, twice a second, that nothing has changed. Whoever keeps copies may
    therefore trust them for as long as values come. The iterator ends when the collection is
    dropped.

    Args:
        database: The database, with change streams.
        collection: Name of the collection.
        stages: Stages of a pipeline that choose changes; none chooses all.

    Raises:
        DatabaseUnavailableError: MongoDB is out of reach, or does not answer any more.
    """
    pipeline = [*stages, {"$project": {"documentKey": 1}}]
    try:
        async with await database.documents[collection].watch(
            pipeline, max_await_time_ms=HEARTBEAT_MILLISECONDS
        ) as stream:
            yield ()
            while stream.alive:
                # A server that does not even say that nothing has changed has stopped responding.
                # The event loop's own time, as MongoDB knows no other clock.
                async with asyncio.timeout(database.time_limit):
                    change = await stream.try_next()
                # The end of a collection is of no document.
                yield (change["documentKey"]["_id"],) if change and "documentKey" in change else ()
    except (PyMongoError, TimeoutError) as error:
        raise DatabaseUnavailableError(str(error) or "no answer in time") from error


class Hearing:
    """Tells whoever keeps copies what has changed, and whether copies count at all.

    A copy is at most two seconds old. While nothing is heard, none counts.

    Args:
        clock: Clock that measures the silence, and the pauses after a failure.
        changes: Function that returns an iterator like :func:`quartapp.changed_ids`; None where
            nobody tells of changes, so that copies are dropped every second.
        told: Function that gets the ids that have changed, twice a second at least; None when
            anything may have changed.
        what: What the copies are of, for the log, such as ``changes of classes``.
        logger: Name of the logger.
    """

    def __init__(
        self,
        clock: Clock,
        changes: Callable[[], AsyncIterator[Collection[Any]] | None],  # Any: the ids' type
        told: Callable[[Collection[Any] | None], Awaitable[None]],
        *,
        what: str,
        logger: str,
    ) -> None:
        self._clock = clock
        self._changes = changes
        self._told = told
        self._what = what
        self._logger = logger
        self._heard = float("-inf")

    @property
    def is_fresh(self) -> bool:
        """Whether copies count now."""
        return self._clock.monotonic() - self._heard <= TRUSTED_SECONDS

    async def run(self) -> None:
        """Follow the changes, until cancelled."""
        log = structlog.get_logger(self._logger)
        failures = 0
        while True:
            changes = self._changes()
            try:
                await (self._poll() if changes is None else self._follow(changes))
            except DatabaseUnavailableError as error:
                log.warning(f"{self._what} interrupted", reason=str(error))
            except Exception as error:
                log.exception(f"{self._what} failed", exc_info=error)
            recovered = self._heard != float("-inf")
            self._heard = float("-inf")
            failures = 1 if recovered else failures + 1
            await self._clock.sleep(PAUSES.after(failures))

    async def _follow(self, changes: AsyncIterator[Collection[Any]]) -> None:
        async for ids in changes:
            if self._heard == float("-inf"):
                # What happened before the watch began may be anything.
                await self._told(None)
            await self._told(ids)
            self._heard = self._clock.monotonic()

    async def _poll(self) -> None:
        while True:
            await self._told(None)
            self._heard = self._clock.monotonic()
            await self._clock.sleep(POLL_SECONDS)
