"""The database of one app: two clients on the same collections, and models bound to them.

MongoEngine has no asynchronous interface, so what uses its models runs in threads, through
:meth:`Database.run`. What is hot (a live session, the reads of every request) uses PyMongo's
asynchronous client. MongoEngine
binds models to connections by global names; here :class:`Model` finds its database in the context
instead, so two apps in one process do not meet.
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
    from pymongo.collation import Collation
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
# The asynchronous view inside a transaction.
_inside: ContextVar[AsyncDatabase[Document] | None] = ContextVar(
    "quartapp_transaction", default=None
)

# They wait for MongoDB, not for the processor: so there are more of them than cores.
THREADS = 16
# Of which reads that go together ask for in one command: some 30 kB, and some milliseconds.
JOINT_KEYS = 1000

# Server errors that say "not now" rather than "not so": stepping down, shutting down, no quorum.
_PASSING_CODES = frozenset({64, 79, 89, 91, 189, 262, 10107, 11600, 11602, 13435, 13436})


class Model(mongoengine.Document):  # type: ignore[misc]
    """Base of the plugins' documents: lives in the database of the app at work."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False}

    @classmethod
    def collection(cls) -> str:
        """Return the name of the collection."""
        name: str = cls._get_collection_name()
        return name

    @classmethod
    def index_specs(cls) -> list[dict[str, Any]]:
        """Return each index that is declared: its ``fields`` with their order, and its options."""
        return [dict(spec) for spec in cls._meta["index_specs"]]

    @classmethod
    def _get_db(cls) -> SyncDatabase[Document]:
        return _bound.get()

    @classmethod
    def _get_collection(cls) -> Collection[Document]:
        # The inherited method keeps the first collection in the class, for every app alike.
        return _bound.get()[cls._get_collection_name()]


class DatabaseConfigurationError(QuartappError):
    """The MongoDB that the URI names cannot be used."""


class Database:
    """Both clients, opened and closed with the server.

    Args:
        uri: MongoDB connection string.
        name: Database name where the URI has none.
        timeout: Seconds that one operation may take.
        clock: Measures what waits for its turn here; the driver measures the rest by itself.
    """

    def __init__(self, uri: str, name: str, timeout: float, clock: Clock) -> None:
        self._uri = uri
        self._timeout = timeout
        self._clock = clock
        self._name = database_name(uri) or name
        self._client: MongoClient[Document] | None = None
        self._async_client: AsyncMongoClient[Document] | None = None
        self._models: SyncDatabase[Document] | None = None
        # Not those that asyncio shares out: a MongoDB that hangs must not hold up other work.
        self._threads: ThreadPoolExecutor | None = None
        self._documents: AsyncDatabase[Document] | None = None
        self._reads: dict[type[Model], JointReads[object, Document]] = {}
        self.change_streams = False
        self.models: list[type[Model]] = []
        self.before_indexes: Callable[[], Awaitable[None]] | None = None

    async def open(self, *, prepare: bool = True) -> None:
        """Connect, learn what the server can do, migrate, make the indexes of ``models``.

        Args:
            prepare: Whether data is migrated and indexes are made; False changes nothing.

        Raises:
            DatabaseConfigurationError: The URI is no use, access was denied, or nobody answers.
        """
        # A dead server has to be noticed within what a caller waits.
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
                # An index may be possible only after a migration.
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
        """Where the database is, without credentials."""
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
        """The asynchronous view, writing with majority (what a change stream shows at once)."""
        if self._documents is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        return self._documents if (inside := _inside.get()) is None else inside

    @contextmanager
    def bound(self, timeout: float | None = None) -> Iterator[None]:
        """Models used inside, in this thread, live in this database.

        Args:
            timeout: Seconds for all that is done inside; those of the database when left out.
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
        """Call ``function``, which uses models, in a thread.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time, or no thread came free.
        """
        if self._threads is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        deadline = self._clock.monotonic() + self._timeout

        def call() -> Result:
            # The wait for a thread counts as well: while MongoDB hangs, so do all of them.
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise DatabaseUnavailableError("no thread came free in time")
            with self.bound(left), translated():
                return function(*args, **kwargs)

        loop = asyncio.get_running_loop()
        try:
            # Then what still waits for a thread is taken back; what has one ends by itself.
            async with self._clock.timeout(self._timeout):
                return await loop.run_in_executor(self._threads, copy_context().run, call)
        except TimeoutError as error:
            raise DatabaseUnavailableError("no answer in time") from error

    async def first(
        self, model: type[Kind], query: Document, collation: Collation | None = None
    ) -> Kind | None:
        """The first document of ``model`` that matches ``query``, or None.

        What every request reads is read here: without a thread it takes half the time of
        :meth:`run` (2,500 against 1,300 a second, one after another).

        Args:
            model: What to build.
            query: In MongoDB's own words.
            collation: How text is compared.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self.operation():
            collection = self.documents[model.collection()]
            found = await collection.find_one(query, collation=collation)
        if found is None:
            return None
        return _built(model, found)

    async def by_id(self, model: type[Kind], key: object) -> Kind | None:
        """The document of ``model`` with that ``_id``, or None.

        What many ask for at once goes together in one command.

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
        """Documents by ``_id``, in one command; those that are nowhere are left out.

        Args:
            collection: Its name.
            keys: Which.
            fields: What is wanted of each beside its ``_id``; everything when left out.
        """
        # Room for one more: of a batch that is full, MongoDB does not know that it is the last.
        found = self.documents[collection].find(
            {"_id": {"$in": list(keys)}}, fields, batch_size=len(keys) + 1
        )
        return {document["_id"]: document for document in await found.to_list()}

    def joint_reads(
        self,
        read: Callable[[set[Key]], Awaitable[Mapping[Key, Value]]],
        most: int = JOINT_KEYS,
    ) -> JointReads[Key, Value]:
        """Reads of which those that many ask for at once go together.

        Args:
            read: Reads keys in one command; those that are nowhere are left out of the answer.
            most: Keys in one command.
        """

        async def bounded(keys: set[Key]) -> Mapping[Key, Value]:
            async with self.operation():
                return await read(keys)

        return JointReads(bounded, most, self._timeout, self._clock)

    @asynccontextmanager
    async def operation(self) -> AsyncIterator[None]:
        """Operations of the asynchronous client: bounded in time, errors translated.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        with translated(), pymongo.timeout(self._timeout):
            yield

    async def transaction(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do several operations of ``documents`` as one: all of them are stored, or none.

        Args:
            work: Reads and writes with ``documents``, and nothing else; called again after a
                conflict with another transaction, so it must be safe to repeat. What it raises
                undoes what it has written.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self._async_client is None:
            raise RuntimeError("the database is not open; serve the app, or use app.test_app()")
        async with self.operation(), self._async_client.start_session() as session:

            async def bound(_session: object) -> Result:
                # MongoDB refuses a write concern inside, and PyMongo sends that of a collection.
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
            document: The document; an ``id`` that is missing is made.

        Raises:
            DuplicateKeyError: A unique index has its key already.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if document.id is None:
            document.id = ObjectId()
        document.validate()
        async with self.operation():
            await self.documents[document.collection()].insert_one(document.to_mongo().to_dict())

    async def change(self, model: type[Kind], query: Document, changes: Document) -> Kind | None:
        """Change the first document of ``model`` that matches ``query``, also in a transaction.

        Args:
            model: What to build.
            query: In MongoDB's own words.
            changes: Update operators.

        Returns:
            The document as it is afterwards; None when no document matches.

        Raises:
            DuplicateKeyError: A unique index has the new key already.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self.operation():
            found = await self.documents[model.collection()].find_one_and_update(
                query, changes, return_document=ReturnDocument.AFTER
            )
        return None if found is None else _built(model, found)

    async def check_writable(self) -> None:
        """Make sure that a write would be taken now.

        Raises:
            DatabaseUnavailableError: It would not.
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
                    f"declares for the collection {model.collection()}: {_said(error)}"
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
            raise DatabaseUnavailableError(_in_short(error)) from error
        raise


def _said(error: OperationFailure) -> str:
    """What the server said, without the whole document that it sent along."""
    return str((error.details or {}).get("errmsg", error)).partition(", full error")[0]


def _in_short(error: PyMongoError) -> str:
    # PyMongo goes on with its timeouts and the whole topology; the reason stands before.
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]


def is_passing(error: PyMongoError) -> bool:
    """Whether ``error`` says that the database is out of reach for now."""
    if isinstance(
        error, (ConnectionFailure, ExecutionTimeout, WTimeoutError, WaitQueueTimeoutError)
    ):
        return True
    if isinstance(error, OperationFailure) and error.code in _PASSING_CODES:
        return True
    return error.timeout


def address_of(uri: str) -> str:
    """The hosts and ports that a URI names; of a Unix socket, its path."""
    nodes = _parsed(uri)["nodelist"]
    return ",".join(host if port is None else f"{host}:{port}" for host, port in nodes)


def database_name(uri: str) -> str | None:
    """The database that a URI names, or None."""
    name: str | None = _parsed(uri)["database"]
    return name


def application_name(uri: str) -> str:
    """What MongoDB's own logs are to call us: what the URI says (``appName``), if it does."""
    name: str = _parsed(uri)["options"].get("appname", "quartapp")
    return name


def _parsed(uri: str) -> dict[str, Any]:
    try:
        # Parsing an SRV name asks the network; what is wanted here stands in the text itself.
        plain = uri.replace("mongodb+srv://", "mongodb://", 1)
        return dict(parse_uri(plain, validate=False, warn=False))
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise DatabaseConfigurationError(f"MONGODB_URI: {error}") from error
