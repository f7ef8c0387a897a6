"""The chain of entries in MongoDB, to which all processes append at once.

An entry names the hash of the entry before. A unique index on day and number lets one entry alone
follow another: of two processes that append at once, one is refused, reads the end, and tries
again. A process writes what waits in one command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, NamedTuple

import structlog
from pymongo import WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from quartapp.audit.form import BEGINNING, END, ENTRIES, NEWEST_FIRST, PENDING, linked, position
from quartapp.database.bulk import DUPLICATE_KEY
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp.audit.form import Position
    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

log = structlog.get_logger("quartapp.audit")

MOST_AT_ONCE = 500


class _Waiting(NamedTuple):
    rows: Sequence[Document]
    done: asyncio.Future[None]


class Chain:
    """Appends entries to the chain.

    Args:
        database: Database that stores the entries.
        clock: Clock that decides which day it is.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None
        # None while the end is unknown: at first, and after another process has appended.
        self._end: Position | None = None

    async def append(self, rows: Sequence[Document]) -> None:
        """Append rows, unless they are in the chain already.

        Args:
            rows: The rows, in their order; one at least.

        Raises:
            DatabaseUnavailableError: The rows cannot be appended now.
        """
        done = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(rows, done))
        if self._writer is None:
            # In a context of its own: the time limit or transaction of the caller is not for all.
            self._writer = asyncio.create_task(self._write_all(), context=Context())
        await done

    async def close(self) -> None:
        """Wait until all is written that waits."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write_all(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft()]
                size = len(batch[0].rows)
                while self._queue and size + len(self._queue[0].rows) <= MOST_AT_ONCE:
                    batch.append(self._queue.popleft())
                    size += len(batch[-1].rows)
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: Sequence[_Waiting]) -> None:
        rows = [row for waiting in batch for row in waiting.rows]
        try:
            await self._write(rows)
        except BaseException as error:
            self._end = None
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_result(None)
        # Whoever waits has an answer now. What fails here is done with a later entry, or by the
        # keeper.
        with suppress(DatabaseUnavailableError, PyMongoError):
            await self._note(rows)

    async def _write(self, rows: list[Document]) -> None:
        async with self._database.operation():
            while rows:
                end = self._end or await self._read_end()
                self._end = None
                today = self._clock.now().date().isoformat()
                documents = list(linked(rows, end, today))
                try:
                    await self._database.documents[ENTRIES].insert_many(documents)
                except BulkWriteError as error:
                    rows = rows[_written(error) :]
                else:
                    self._end = position(documents[-1])
                    return

    async def _read_end(self) -> Position:
        documents = self._database.documents
        # An end that was noted shows that the last entries were deleted.
        with suppress(DuplicateKeyError):
            await documents[END].update_one(
                {"_id": END}, {"$setOnInsert": BEGINNING._asdict()}, upsert=True
            )
        last = await documents[ENTRIES].find_one({}, sort=NEWEST_FIRST)
        return BEGINNING if last is None else position(last)

    async def _note(self, rows: Sequence[Document]) -> None:
        """Note the end of the chain, and forget rows that are linked."""
        soon = WriteConcern(1)
        documents = self._database.documents
        async with self._database.operation():
            await documents.get_collection(PENDING, write_concern=soon).delete_many(
                {"_id": {"$in": [row["_id"] for row in rows]}}
            )
            end = self._end
            if end is not None:
                earlier = [
                    {"day": {"$lt": end.day}},
                    {"day": end.day, "number": {"$lt": end.number}},
                ]
                await documents.get_collection(END, write_concern=soon).update_one(
                    {"_id": END, "$or": earlier}, {"$set": end._asdict()}
                )


def _written(error: BulkWriteError) -> int:
    """Return the number of rows that a command has written, or found in the chain.

    Raises:
        DatabaseUnavailableError: MongoDB refused a row that is no duplicate.
    """
    problems = error.details.get("writeErrors") or [{}]
    first = problems[0]
    if first.get("code") != DUPLICATE_KEY:
        raise DatabaseUnavailableError("the audit takes no entries") from error
    done: int = first["index"]
    # A row may have been written before: by the keeper, or by a try whose answer was lost.
    return done + 1 if first.get("keyPattern") == {"_id": 1} else done
