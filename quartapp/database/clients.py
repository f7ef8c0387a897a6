"""The connections of one database: a client of each kind, and threads for the synchronous one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import AsyncMongoClient, MongoClient, WriteConcern

from quartapp.database.address import application_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pymongo.asynchronous.database import AsyncDatabase
    from pymongo.database import Database as SyncDatabase

    from quartapp.database.documents import Document

Result = TypeVar("Result")

# The asynchronous view of the database inside a transaction; None outside.
_inside: ContextVar[AsyncDatabase[Document] | None] = ContextVar(
    "quartapp_transaction", default=None
)

# The threads wait for MongoDB, and not for the processor, so there may be more threads than cores.
THREADS = 16


class Clients:
    """The two clients of a database, which connect at their first operations.

    Args:
        uri: MongoDB connection string.
        name: Name of the database.
        timeout: Time limit of one operation, in seconds.

    Attributes:
        for_models: The synchronous view of the database. Like the asynchronous view, it writes with
            majority, so that change streams see the writes.
        threads: Threads in which code uses the synchronous view.

    Raises:
        ConfigurationError: An option in the URI is invalid.
        InvalidURI: The URI is invalid.
    """

    def __init__(self, uri: str, name: str, timeout: float) -> None:
        # The driver has to notice a dead server within the time limit of an operation.
        milliseconds = int(timeout * 1000)
        options: dict[str, Any] = {
            "serverSelectionTimeoutMS": milliseconds,
            "connectTimeoutMS": milliseconds,
            "tz_aware": True,
            "appname": application_name(uri),
        }
        majority = WriteConcern("majority")
        self._client: MongoClient[Document] = MongoClient(uri, **options)
        self._async_client: AsyncMongoClient[Document] = AsyncMongoClient(uri, **options)
        self.for_models: SyncDatabase[Document] = self._client.get_database(
            name, write_concern=majority
        )
        self._documents = self._async_client.get_database(name, write_concern=majority)
        # asyncio's own threads stay free for other work while MongoDB hangs.
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    @property
    def documents(self) -> AsyncDatabase[Document]:
        """The asynchronous view; in a transaction, operations with the view are a part of it."""
        return self._documents if (inside := _inside.get()) is None else inside

    async def command(self, name: str) -> Document:
        """Return the answer to a command of the administration.

        Args:
            name: Name of the command.
        """
        return await self._async_client.admin.command(name)

    async def transaction(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run several operations of ``documents`` as one transaction.

        Args:
            work: Function that reads and writes with ``documents``, and does nothing else. It is
                called again after a conflict with another transaction.

        Returns:
            The result of ``work``.
        """
        async with self._async_client.start_session() as session:

            async def bound(_session: object) -> Result:
                # MongoDB refuses a write concern inside a transaction, and PyMongo would send the
                # write concern of the collection.
                token = _inside.set(self.documents.with_options(write_concern=WriteConcern()))
                try:
                    async with session.bind(end_session=False):
                        return await work()
                finally:
                    _inside.reset(token)

            return await session.with_transaction(bound, write_concern=WriteConcern("majority"))

    async def close(self) -> None:
        """Close both clients; operations in the threads end by themselves."""
        await self._async_client.close()
        await asyncio.to_thread(self._client.close)
        self.threads.shutdown(wait=False, cancel_futures=True)
