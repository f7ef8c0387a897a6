"""The database of one app: two clients on the same collections.

MongoEngine has no asynchronous interface, so code with its models runs in threads, through
:meth:`Database.run`. Frequent operations (a live session, the reads of every request) use PyMongo's
asynchronous client.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pymongo
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from quartapp.database.address import address_of, database_name
from quartapp.database.clients import Clients, in_transaction
from quartapp.database.indexes import ensure_indexes
from quartapp.database.joint_reads import JointReads
from quartapp.database.model import Kind, Model, bound_to, built
from quartapp.database.outages import Operation, is_passing, refusal, translated
from quartapp.errors import DatabaseConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from pymongo.asynchronous.database import AsyncDatabase

    from quartapp.clock import Clock
    from quartapp.database.documents import Document

Args = ParamSpec("Args")
Result = TypeVar("Result")
Key = TypeVar("Key")
Value = TypeVar("Value")

# A command with this number of keys has some 30 kB, and takes some milliseconds.
JOINT_KEYS = 1000


class Database:
    """The database, with a synchronous and an asynchronous client.

    Args:
        uri: MongoDB connection string.
        name: Name of the database, if the URI has none.
        time_limit: Time limit of one operation, in seconds.
        clock: Clock that measures waiting times here; the driver measures its own by itself.

    Attributes:
        time_limit: Time limit of one operation, in seconds.
        change_streams: Whether MongoDB has change streams; known once the database is open.
        models: Models whose indexes are made when the database opens.
        before_indexes: Function to call before indexes are made; None for no call.
    """

    def __init__(self, uri: str, name: str, time_limit: float, clock: Clock) -> None:
        self._uri = uri
        self.time_limit = time_limit
        self._clock = clock
        self._name = database_name(uri) or name
        self._clients: Clients | None = None
        self._reads: dict[type[Model], JointReads[object, Document]] = {}
        self.change_streams = False
        self.models: list[type[Model]] = []
        self.before_indexes: Callable[[], Awaitable[None]] | None = None

    async def open(self, *, prepare: bool = True) -> None:
        """Connect, migrate the data, and make the indexes of ``models``.

        Args:
            prepare: Whether to migrate data and make indexes; False changes nothing.

        Raises:
            DatabaseConfigurationError: The URI is invalid, MongoDB denied access, or no server
                answers.
        """
        try:
            self._clients = Clients(self._uri, self._name, self.time_limit)
            async with self.operation():
                hello = await self._clients.command("hello")
            if prepare:
                # Some indexes are only possible after a migration.
                if self.before_indexes is not None:
                    await self.before_indexes()
                await self.run(ensure_indexes, self.models)
        except (ConfigurationError, InvalidURI) as error:
            raise DatabaseConfigurationError(f"MONGODB_URI: {error}") from error
        except OperationFailure as error:
            raise refusal(error, self._name) from error
        except DatabaseUnavailableError as error:
            raise DatabaseConfigurationError(
                f"MongoDB at {self.address} does not answer ({error}); "
                "is it up, and is MONGODB_URI right?"
            ) from error
        # A mongos says msg=isdbgrid; a member of a replica set names its set.
        self.change_streams = "setName" in hello or hello.get("msg") == "isdbgrid"

    @property
    def address(self) -> str:
        """The hosts and ports of the database, without credentials."""
        return address_of(self._uri)

    async def close(self) -> None:
        """Close both clients."""
        if self._clients is not None:
            await self._clients.close()

    @property
    def _connected(self) -> Clients:
        if self._clients is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        return self._clients

    @property
    def documents(self) -> AsyncDatabase[Document]:
        """The asynchronous view, which writes with majority so that change streams see writes."""
        return self._connected.documents

    @contextmanager
    def bound(self, timeout: float | None = None) -> Iterator[None]:
        """Bind models to this database during the block, in this thread.

        Args:
            timeout: Time limit of all operations in the block, in seconds; by default the time
                limit of the database.
        """
        models = self._connected.for_models
        with bound_to(models), pymongo.timeout(self.time_limit if timeout is None else timeout):
            yield

    async def run(
        self, function: Callable[Args, Result], *args: Args.args, **kwargs: Args.kwargs
    ) -> Result:
        """Call a function that uses models, in a thread.

        Args:
            function: The function.
            args: Positional arguments of the function.
            kwargs: Keyword arguments of the function.

        Returns:
            The result of the function.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time, or no thread was free.
        """
        threads = self._connected.threads
        deadline = self._clock.monotonic() + self.time_limit

        def call() -> Result:
            # The time limit includes the wait for a thread: while MongoDB hangs, all threads hang.
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise DatabaseUnavailableError("no thread came free in time")
            with self.bound(left), translated():
                return function(*args, **kwargs)

        loop = asyncio.get_running_loop()
        try:
            # At the time limit, a call that waits for a thread is cancelled; a running call ends by
            # itself.
            async with self._clock.timeout(self.time_limit):
                return await loop.run_in_executor(threads, copy_context().run, call)
        except TimeoutError as error:
            raise DatabaseUnavailableError("no answer in time") from error

    async def first(self, model: type[Kind], query: Document) -> Kind | None:
        """Return the first document of a model that matches a query, or None.

        The method uses no thread, and takes half the time of :meth:`run` (2,500 against 1,300 calls
        a second, one after another).

        Args:
            model: Model of the document.
            query: Query of MongoDB.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self.one(model.collection(), query)
        return None if found is None else built(model, found)

    async def one(
        self, collection: str, query: Document, fields: Document | None = None
    ) -> Document | None:
        """Return the first document that matches a query, or None.

        Args:
            collection: Name of the collection.
            query: Query of MongoDB.
            fields: Projection of MongoDB; None for all fields.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self.operation():
            return await self._one(collection, query, fields)

    async def _one(
        self, collection: str, query: Document, fields: Document | None
    ) -> Document | None:
        documents = self.documents
        command = {"find": collection, "filter": query, "limit": 1, "singleBatch": True}
        if fields is not None:
            command["projection"] = fields
        try:
            # A cursor takes the driver some 19 % more of the processor than a command.
            answer = await documents.command(command, codec_options=documents.codec_options)
        except PyMongoError as error:
            # A transaction begins anew.
            if in_transaction() or not is_passing(error):
                raise
            # The driver tries again only with a cursor.
            return await documents[collection].find_one(query, fields)
        batch = answer["cursor"]["firstBatch"]
        return batch[0] if batch else None

    async def by_id(self, model: type[Kind], key: object) -> Kind | None:
        """Return the document of a model with an ``_id``, or None.

        Concurrent calls share one command.

        Args:
            model: Model of the document.
            key: ``_id`` of the document.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        reads = self._reads.get(model)
        if reads is None:
            name = model.collection()
            reads = self._reads[model] = self.joint_reads(partial(self.by_ids, name))
        found = await reads.get(key)
        return None if found is None else built(model, found)

    async def by_ids(
        self, collection: str, keys: set[object], fields: Sequence[str] | None = None
    ) -> dict[object, Document]:
        """Return documents by ``_id``, read in one command; missing documents are left out.

        Args:
            collection: Name of the collection.
            keys: The ``_id`` of each document.
            fields: Fields to read beside ``_id``; None for all fields.
        """
        if len(keys) == 1:
            projection = None if fields is None else dict.fromkeys(fields, 1)
            document = await self._one(collection, {"_id": next(iter(keys))}, projection)
            return {} if document is None else {document["_id"]: document}
        # MongoDB does not know that a full batch is the last, so the batch has room for one more.
        found = self.documents[collection].find(
            {"_id": {"$in": list(keys)}}, fields, batch_size=len(keys) + 1
        )
        return {document["_id"]: document for document in await found.to_list()}

    def joint_reads(
        self,
        read: Callable[[set[Key]], Awaitable[Mapping[Key, Value]]],
        most: int = JOINT_KEYS,
    ) -> JointReads[Key, Value]:
        """Return an object whose concurrent reads share commands.

        Args:
            read: Function that reads keys in one command, and leaves out keys without a value.
            most: Maximum number of keys in one command.
        """

        async def bounded(keys: set[Key]) -> Mapping[Key, Value]:
            async with self.operation():
                return await read(keys)

        return JointReads(bounded, most, self.time_limit, self._clock)

    def operation(self) -> AbstractAsyncContextManager[None]:
        """Limit the time of operations of the asynchronous client, and translate their errors.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return Operation(self.time_limit, translate=not in_transaction())

    def outages(self) -> AbstractContextManager[None]:
        """Translate errors alone, of operations without a limit such as the read of a stream.

        Raises:
            DatabaseUnavailableError: MongoDB is out of reach for now.
        """
        return translated()

    async def transaction(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run several operations of ``documents`` as one transaction.

        Args:
            work: Function that reads and writes with ``documents``, and does nothing else. It is
                called again after a conflict with another transaction, so it has to be safe to
                repeat. An exception undoes its writes.

        Returns:
            The result of ``work``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self.operation():
            return await self._connected.transaction(work)

    async def insert(self, document: Model) -> None:
        """Store a new document, also in a transaction.

        Args:
            document: The document; a missing ``id`` is generated.

        Raises:
            DuplicateKeyError: A unique index already has the key.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if document.id is None:
            document.id = ObjectId()
        document.validate()
        async with self.operation():
            await self.documents[document.collection()].insert_one(document.to_mongo().to_dict())

    async def change(
        self, model: type[Kind], query: Document, changes: Document | list[Document]
    ) -> Kind | None:
        """Change the first document of a model that matches a query, also in a transaction.

        Args:
            model: Model of the document.
            query: Query of MongoDB.
            changes: Update operators of MongoDB, or the stages of a pipeline.

        Returns:
            The changed document; None if no document matches.

        Raises:
            DuplicateKeyError: A unique index already has the new key.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self.operation():
            found = await self.documents[model.collection()].find_one_and_update(
                query, changes, return_document=ReturnDocument.AFTER
            )
        return None if found is None else built(model, found)

    async def check_writable(self) -> None:
        """Check that MongoDB accepts writes now.

        Raises:
            DatabaseUnavailableError: MongoDB did not accept a write in time.
        """
        async with self.operation():
            await self.documents["readiness"].update_one(
                {"_id": "readiness"}, {"$currentDate": {"at": True}}, upsert=True
            )
