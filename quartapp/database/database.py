"""The database of one app: two clients on the same collections, and the base of all models.

MongoEngine has no asynchronous interface, so code with its models runs in threads, through
:meth:`Database.run`. Frequent operations (a live session, the reads of every request) use PyMongo's
asynchronous client. MongoEngine binds models to connections by global names; here :class:`Model`
finds its database in the context instead, so that two apps in one process do not mix.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import mongoengine
import pymongo
import structlog
from bson import ObjectId
from pymongo import AsyncMongoClient, MongoClient, ReturnDocument, WriteConcern
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from pymongo.uri_parser import parse_uri

from quartapp.database.joint_reads import JointReads
from quartapp.errors import DatabaseUnavailableError, QuartappError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from pymongo.asynchronous.database import AsyncDatabase
    from pymongo.collection import Collection
    from pymongo.database import Database as SyncDatabase

    from quartapp.clock import Clock
    from quartapp.database.documents import Document

log = structlog.get_logger("quartapp.database")


Args = ParamSpec("Args")
Result = TypeVar("Result")
Kind = TypeVar("Kind", bound="Model")
Key = TypeVar("Key")
Value = TypeVar("Value")

_bound: ContextVar[SyncDatabase[Document]] = ContextVar("quartapp_database")
# The asynchronous view of the database inside a transaction; None outside.
_inside: ContextVar[AsyncDatabase[Document] | None] = ContextVar(
    "quartapp_transaction", default=None
)

# The threads wait for MongoDB, and not for the processor, so there may be more threads than cores.
THREADS = 16
# A command with this number of keys has some 30 kB, and takes some milliseconds.
JOINT_KEYS = 1000

# Error codes of a server that is temporarily unavailable: stepping down, shutting down, no quorum.
_PASSING_CODES = frozenset({64, 79, 89, 91, 189, 262, 10107, 11600, 11602, 13435, 13436})


class Model(mongoengine.Document):  # type: ignore[misc]
    """Base of the plugins' documents, which uses the database of the app in the context."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False}

    @classmethod
    def collection(cls) -> str:
        """Return the name of the collection."""
        name: str = cls._get_collection_name()
        return name

    @classmethod
    def index_specs(cls) -> list[dict[str, Any]]:
        """Return each declared index as a dict with ``fields``, their order, and the options."""
        return [dict(spec) for spec in cls._meta["index_specs"]]

    @classmethod
    def _get_db(cls) -> SyncDatabase[Document]:
        return _bound.get()

    @classmethod
    def _get_collection(cls) -> Collection[Document]:
        # The inherited method caches the first collection in the class, for all apps.
        return _bound.get()[cls._get_collection_name()]


class DatabaseConfigurationError(QuartappError):
    """The error for a MongoDB that the server cannot use."""


class Database:
    """The database, with a synchronous and an asynchronous client.

    Args:
        uri: MongoDB connection string.
        name: Name of the database, if the URI has none.
        timeout: Time limit of one operation, in seconds.
        clock: Clock that measures waiting times here; the driver measures its own by itself.

    Attributes:
        change_streams: Whether MongoDB has change streams; known once the database is open.
        models: Models whose indexes are made when the database opens.
        before_indexes: Function to call before indexes are made; None for no call.
    """

    def __init__(self, uri: str, name: str, timeout: float, clock: Clock) -> None:
        self._uri = uri
        self._timeout = timeout
        self._clock = clock
        self._name = database_name(uri) or name
        self._client: MongoClient[Document] | None = None
        self._async_client: AsyncMongoClient[Document] | None = None
        self._models: SyncDatabase[Document] | None = None
        # asyncio's own threads stay free for other work while MongoDB hangs.
        self._threads: ThreadPoolExecutor | None = None
        self._documents: AsyncDatabase[Document] | None = None
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
        # The driver has to notice a dead server within the time limit of an operation.
        milliseconds = int(self._timeout * 1000)
        options: dict[str, Any] = {
            "serverSelectionTimeoutMS": milliseconds,
            "connectTimeoutMS": milliseconds,
            "tz_aware": True,
            "appname": application_name(self._uri),
        }
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
        try:
            self._client = MongoClient(self._uri, **options)
            self._async_client = AsyncMongoClient(self._uri, **options)
            majority = WriteConcern("majority")
            self._models = self._client.get_database(self._name, write_concern=majority)
            self._documents = self._async_client.get_database(self._name, write_concern=majority)
            async with self.operation():
                hello = await self._async_client.admin.command("hello")
            if prepare:
                # Some indexes are only possible after a migration.
                if self.before_indexes is not None:
                    await self.before_indexes()
                await self.run(self._ensure_indexes)
        except (ConfigurationError, InvalidURI) as error:
            raise DatabaseConfigurationError(f"MONGODB_URI: {error}") from error
        except OperationFailure as error:
            raise DatabaseConfigurationError(f"MongoDB refused: {error}") from error
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
        if self._async_client is not None:
            await self._async_client.close()
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def documents(self) -> AsyncDatabase[Document]:
        """The asynchronous view, which writes with majority so that change streams see writes."""
        if self._documents is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        return self._documents if (inside := _inside.get()) is None else inside

    @contextmanager
    def bound(self, timeout: float | None = None) -> Iterator[None]:
        """Bind models to this database during the block, in this thread.

        Args:
            timeout: Time limit of all operations in the block, in seconds; by default the time
                limit of the database.
        """
        if self._models is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        token = _bound.set(self._models)
        try:
            with pymongo.timeout(self._timeout if timeout is None else timeout):
                yield
        finally:
            _bound.reset(token)

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
        if self._threads is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        deadline = self._clock.monotonic() + self._timeout

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
            async with self._clock.timeout(self._timeout):
                return await loop.run_in_executor(self._threads, copy_context().run, call)
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
        async with self.operation():
            found = await self.documents[model.collection()].find_one(query)
        if found is None:
            return None
        return _built(model, found)

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
        return None if found is None else _built(model, found)

    async def by_ids(
        self, collection: str, keys: set[object], fields: Sequence[str] | None = None
    ) -> dict[object, Document]:
        """Return documents by ``_id``, read in one command; missing documents are left out.

        Args:
            collection: Name of the collection.
            keys: The ``_id`` of each document.
            fields: Fields to read beside ``_id``; None for all fields.
        """
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

        return JointReads(bounded, most, self._timeout, self._clock)

    @asynccontextmanager
    async def operation(self) -> AsyncIterator[None]:
        """Limit the time of operations of the asynchronous client, and translate their errors.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        with translated(), pymongo.timeout(self._timeout):
            yield

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
        if self._async_client is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        async with self.operation(), self._async_client.start_session() as session:

            async def bound(_session: object) -> Result:
                # MongoDB refuses a write concern inside a transaction, and PyMongo would send the
                # write concern of the collection.
                inside = self.documents.with_options(write_concern=WriteConcern())
                token = _inside.set(inside)
                try:
                    async with session.bind(end_session=False):
                        return await work()
                finally:
                    _inside.reset(token)

            return await session.with_transaction(bound, write_concern=WriteConcern("majority"))

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

    async def change(self, model: type[Kind], query: Document, changes: Document) -> Kind | None:
        """Change the first document of a model that matches a query, also in a transaction.

        Args:
            model: Model of the document.
            query: Query of MongoDB.
            changes: Update operators of MongoDB.

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
        return None if found is None else _built(model, found)

    async def check_writable(self) -> None:
        """Check that MongoDB accepts writes now.

        Raises:
            DatabaseUnavailableError: MongoDB did not accept a write in time.
        """
        async with self.operation():
            await self.documents["readiness"].update_one(
                {"_id": "readiness"}, {"$currentDate": {"at": True}}, upsert=True
            )

    def _ensure_indexes(self) -> None:
        for model in self.models:
            try:
                model.ensure_indexes()
            except OperationFailure as error:
                if is_passing(error):
                    raise
                raise DatabaseConfigurationError(
                    f"MongoDB refused the indexes that {model.__module__}.{model.__qualname__} "
                    f"declares for the collection {model.collection()}: {_server_message(error)}"
                ) from error


def _built(model: type[Kind], document: Document) -> Kind:
    built: Kind = model._from_son(document)  # noqa: SLF001 - MongoEngine's builder
    return built


@contextmanager
def translated() -> Iterator[None]:
    """Turn "MongoDB is out of reach" into :class:`DatabaseUnavailableError`; pass on the rest."""
    try:
        yield
    except PyMongoError as error:
        if is_passing(error):
            raise DatabaseUnavailableError(_shortened(error)) from error
        raise


def _server_message(error: OperationFailure) -> str:
    """Return the message of the server without the document that follows it."""
    return str((error.details or {}).get("errmsg", error)).partition(", full error")[0]


def _shortened(error: PyMongoError) -> str:
    # After the reason, PyMongo's message has its timeouts and the whole topology.
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]


def is_passing(error: PyMongoError) -> bool:
    """Tell whether an error means that the database is out of reach for now.

    Args:
        error: An error of PyMongo.
    """
    if isinstance(
        error, (ConnectionFailure, ExecutionTimeout, WTimeoutError, WaitQueueTimeoutError)
    ):
        return True
    if isinstance(error, OperationFailure) and error.code in _PASSING_CODES:
        return True
    return error.timeout


def address_of(uri: str) -> str:
    """Return the hosts and ports of a URI, or the path of a Unix socket.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    nodes = _parsed(uri)["nodelist"]
    return ",".join(host if port is None else f"{host}:{port}" for host, port in nodes)


def database_name(uri: str) -> str | None:
    """Return the name of the database in a URI, or None without one.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    name: str | None = _parsed(uri)["database"]
    return name


def application_name(uri: str) -> str:
    """Return the name of this client in MongoDB's logs: ``appName`` of the URI, or quartapp.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    name: str = _parsed(uri)["options"].get("appname", "quartapp")
    return name


def _parsed(uri: str) -> dict[str, Any]:
    try:
        # The parser would ask the network for an SRV name; the wanted parts are in the text itself.
        plain = uri.replace("mongodb+srv://", "mongodb://", 1)
        return dict(parse_uri(plain, validate=False, warn=False))
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise DatabaseConfigurationError(f"MONGODB_URI: {error}") from error
