"""Orders to change records: documents keep them until somebody has carried them out.

A document of a plugin, such as an excuse, has its order in the field ``pending``: ``since``,
``all`` for the sessions that the document is about, and ``sessions`` for some more. Whoever carries
the order out looks at the sessions, changes what is to change, and takes the order back. So a
process may be killed anywhere: another one begins anew, and finds what was changed already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from quartapp import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document

# A session that is being closed has its records within moments.
TRIES, PAUSE_SECONDS = 20, 0.1
AT_ONCE = 50


class Orders:
    """The orders in the documents of one collection.

    Args:
        database: The database that has the collection.
        clock: Clock for pauses and for the times of orders.
        collection: Name of the collection; ``pending.since`` needs an index.
        overdue: Time after which whoever carries an order out is taken for dead.
        what: What the collection has, for the log, such as ``excuse``.
        logger: Name of the logger, such as ``quartapp.excuses``.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        collection: str,
        overdue: timedelta,
        *,
        what: str,
        logger: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._collection = collection
        self._what = what
        self._overdue = overdue
        self._logger = logger

    async def settled(self, look: Callable[[], Awaitable[bool]]) -> bool:
        """Look at sessions until nothing is left to do, or for a while.

        Args:
            look: Function that looks at each session once, and returns whether nothing is left.

        Returns:
            Whether nothing is left to do; otherwise the order is to stay for a later call.
        """
        for number in range(TRIES):
            if number:
                await self._clock.sleep(PAUSE_SECONDS)
            if await look():
                return True
        return False

    async def take_back(self, document: Document, change: Document | None = None) -> None:
        """Take an order back, unless a newer one has come.

        Args:
            document: The document, with the order that was carried out.
            change: Further update operators.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._documents.update_one(
                {"_id": document["_id"], "pending.since": document["pending"]["since"]},
                {**(change or {}), "$unset": {"pending": ""}},
            )

    async def add(self, query: Document, session_id: ObjectId) -> None:
        """Order documents to be carried into one more session.

        Args:
            query: Query for the documents.
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._documents.update_many(
                query,
                {
                    "$set": {"pending.since": self._clock.now()},
                    "$addToSet": {"pending.sessions": session_id},
                },
            )

    async def finish(self, carry: Callable[[Document], Awaitable[object]]) -> None:
        """Carry out the orders that nobody has carried out in time.

        Args:
            carry: Function that carries the order of a document out.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        overdue = {"pending.since": {"$lte": self._clock.now() - self._overdue}}
        async with self._database.operation():
            found = self._documents.find(overdue).sort("pending.since", 1)
            documents = await found.limit(AT_ONCE).to_list()
        for document in documents:
            try:
                await carry(document)
            except DatabaseUnavailableError:
                raise
            except Exception as error:
                # One document must not hold up the others.
                log = structlog.get_logger(self._logger)
                about = {self._what: str(document["_id"])}
                log.exception(f"{self._what} not carried out", **about, exc_info=error)

    @property
    def _documents(self) -> AsyncCollection[Document]:
        return self._database.documents[self._collection]
