"""The documents of a collection that change, as all processes hear of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError

from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from quartapp.database.database import Database
    from quartapp.database.documents import Document

HEARTBEAT_MILLISECONDS = 500


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
