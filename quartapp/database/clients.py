"""The connections of one database: a client of each kind, and threads for the synchronous one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import AsyncMongoClient, MongoClient, WriteConcern
from pymongo.errors import ConfigurationError

from quartapp.database.address import application_name
from quartapp.errors import DatabaseUnavailableError

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

_MAJORITY = WriteConcern("majority")

# The threads wait for MongoDB, and not for the processor, so there may be more threads than cores.
THREADS = 16


def in_transaction() -> bool:
    """Tell whether the running code is a part of a transaction."""
    return _inside.get() is not None


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
        self._uri = uri
        self._name = name
        self._timeout = timeout
        # The driver has to notice a dead server within the time limit of an operation.
        milliseconds = int(timeout * 1000)
        self._options: dict[str, Any] = {
            "serverSelectionTimeoutMS": milliseconds,
            "connectTimeoutMS": milliseconds,
            "tz_aware": True,
            "appname": application_name(uri),
        }
        self._client: MongoClient[Document] = MongoClient(uri, **self._options)
        self.for_models: SyncDatabase[Document] = self._client.get_database(
            name, write_concern=_MAJORITY
        )
        self._connect()
        self._replaced: set[asyncio.Task[None]] = set()
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

        Raises:
            DatabaseUnavailableError: MongoDB does not take transactions yet.
            PyMongoError: MongoDB is out of reach, or refused a step.
        """
        client = self._async_client
        try:
            return await self._transact(client, work)
        except ConfigurationError:
            # The connection was made while the server could not serve sessions yet, and the driver
            # would use that connection again and again.
            self._replace(client)
        try:
            return await self._transact(self._async_client, work)
        except ConfigurationError as error:
            raise DatabaseUnavailableError("MongoDB is starting") from error

    async def close(self) -> None:
        """Close all clients; operations in the threads end by themselves."""
        for task in self._replaced:
            task.cancel()
        await asyncio.gather(*self._replaced, return_exceptions=True)
        await self._async_client.close()
        await asyncio.to_thread(self._client.close)
        self.threads.shutdown(wait=False, cancel_futures=True)

    async def _transact(
        self, client: AsyncMongoClient[Document], work: Callable[[], Awaitable[Result]]
    ) -> Result:
        # MongoDB refuses a write concern inside a transaction, and PyMongo would send the write
        # concern of the collection.
        documents = client.get_database(self._name, write_concern=WriteConcern())
        async with client.start_session() as session:

            async def bound(_session: object) -> Result:
                token = _inside.set(documents)
                try:
                    async with session.bind(end_session=False):
                        return await work()
                finally:
                    _inside.reset(token)

            return await session.with_transaction(bound, write_concern=_MAJORITY)

    def _connect(self) -> None:
        self._async_client: AsyncMongoClient[Document] = AsyncMongoClient(
            self._uri, **self._options
        )
        self._documents = self._async_client.get_database(self._name, write_concern=_MAJORITY)

    def _replace(self, client: AsyncMongoClient[Document]) -> None:
        """Use new connections from now on, unless another operation has seen to that."""
        if client is self._async_client:
            self._connect()
            task = asyncio.create_task(self._close_unused(client), name="close connections")
            self._replaced.add(task)
            task.add_done_callback(self._replaced.discard)

    async def _close_unused(self, client: AsyncMongoClient[Document]) -> None:
        """Close a client when its last operation is over; whoever reads a stream opens it anew."""
        try:
            await asyncio.sleep(self._timeout)  # the driver's own time, as it knows no other clock
        finally:
            await client.close()
