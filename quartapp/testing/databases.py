"""The databases of a test run: each test has one that is as new, and most are used many times.

A new database costs MongoDB three times the work of one that has its collections and indexes, as
each of these is a file.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import pymongo
    from pymongo.database import Database as SyncDatabase

    from quartapp.database.database import Database
    from quartapp.database.documents import Document
    from quartapp.database.model import Model
    from quartapp.plugin import LoadedPlugin

GIVEN = "given"
# Each has some forty files, which MongoDB keeps open.
KEPT = 8
# Sockets that a server has closed are gone from MongoDB in a moment, unless something still runs.
_LOOKS = 2000
_PAUSE_SECONDS = 0.005


def with_database(uri: str, name: str) -> str:
    """Return ``uri`` with ``name`` as its database."""
    return urlunsplit(urlsplit(uri)._replace(path=f"/{name}"))


@dataclass
class Prepared:
    """A database as the first start of a server has left it, before plugins start.

    Attributes:
        name: Name of the database.
        models: The models whose indexes it has.
        collections: Type, options and indexes of each collection, by its name.
        documents: What migrations have stored, by collection.
    """

    name: str
    models: tuple[type[Model], ...]
    collections: dict[str, Document]
    documents: dict[str, list[Document]]


class Databases:
    """Databases on one MongoDB server, for tests that come one after another.

    Args:
        uri: URI of the server, without a database name.
        client: Client of the server.
    """

    def __init__(self, uri: str, client: pymongo.MongoClient[Any]) -> None:
        self.uri = uri
        self.client = client
        self._free: OrderedDict[Hashable, Prepared] = OrderedDict()

    def take(self, key: Hashable) -> Prepared | None:
        """Return a prepared database that no test has, or None; the caller gives it back.

        Args:
            key: What was said when the database was given back.
        """
        return self._free.pop(key, None)

    def keep(self, key: Hashable, prepared: Prepared) -> None:
        """Keep a database that is as new for a later test.

        Args:
            key: What the next user of the database says.
            prepared: The database.
        """
        if key in self._free:
            self.client.drop_database(prepared.name)
            return
        self._free[key] = prepared
        if len(self._free) > KEPT:
            _, oldest = self._free.popitem(last=False)
            self.client.drop_database(oldest.name)

    def close(self) -> None:
        """Drop all databases that no test has."""
        while self._free:
            self.client.drop_database(self._free.popitem()[1].name)


class TestDatabase:
    """The database of one test, which all servers of the test share.

    Args:
        databases: The databases to take one from.
    """

    __test__ = False  # pytest would take the class for a test

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._client = databases.client
        self._name: str | None = None
        self._uri = ""
        self._key: Hashable = None  # of a database that is kept for later tests
        self._prepared: Prepared | None = None
        self._servers = 0

    def uri(self) -> str:
        """Return the URI of the database, which is a new one if the test has none yet."""
        if self._name is None:
            self._take(f"quartapp_test_{uuid.uuid4().hex[:16]}")
        return self._uri

    def uri_for(self, plugins: Sequence[LoadedPlugin]) -> str:
        """Return the URI of the database, which may be a prepared one if the test has none yet.

        Args:
            plugins: The plugins of the server that is to use the database. If one that is not
                installed has documents, the database is a new one: migrations of such a plugin may
                be what the test is about.
        """
        if self._name is None and not any(map(_has_documents, _given(plugins))):
            delivering = any(hasattr(one.implementation, "deliver") for one in plugins)
            installed = [one for one in plugins if one.distribution != GIVEN]
            self._key = (delivering, *(type(one.implementation) for one in installed))
            self._prepared = self._databases.take(self._key)
            if self._prepared is not None:
                self._take(self._prepared.name)
        return self.uri()

    def before_start(self, database: Database) -> None:
        """Note how the first start of a server leaves the database.

        Args:
            database: The database of a server that starts next.
        """
        self._servers += 1
        if self._key is None or self._servers > 1:
            return
        models = tuple(database.models)
        if self._prepared is not None:
            if self._prepared.models != models:
                self._client.drop_database(self._prepared.name)
                self._key = self._prepared = None
            return
        opened = database.open

        async def open_and_note(*, prepare: bool = True) -> None:
            await opened(prepare=prepare)
            if self._servers == 1 and self._name is not None:
                # The user of a foreign server may not be allowed to look.
                with suppress(OperationFailure):
                    self._prepared = _described(self._client[self._name], models)

        database.open = open_and_note  # type: ignore[method-assign] # plugins start after this

    def give_back(self) -> None:
        """Keep the database for a later test if it can be as new, or drop it."""
        if self._name is None:
            return
        if self._prepared is not None and self._restored(self._prepared):
            self._databases.keep(self._key, self._prepared)
        else:
            self._client.drop_database(self._name)
        self._name = None

    def _take(self, name: str) -> None:
        self._name = name
        self._uri = with_database(self._databases.uri, name)
        if self._key is not None:
            # By this name MongoDB's connections to the test's servers are found.
            query = urlsplit(self._uri).query
            named = f"{query}&appName={name}" if query else f"appName={name}"
            self._uri = urlunsplit(urlsplit(self._uri)._replace(query=named))

    def _restored(self, prepared: Prepared) -> bool:
        """Bring the database back to what it was; return False if it cannot be brought back."""
        try:
            return self._is_left() and _restore(self._client[prepared.name], prepared)
        except OperationFailure:
            return False

    def _is_left(self) -> bool:
        """Wait until MongoDB has closed the connections of the test's servers.

        Whatever a cancelled operation has sent is done by then. A read that waits for news is no
        reason to wait: MongoDB ends it within a second.
        """
        waits = {f"command.{name}": {"$exists": False} for name in ("getMore", "hello")}
        look: list[Document] = [
            {"$currentOp": {"allUsers": True, "idleConnections": True}},
            {"$match": {"appName": self._name, **waits}},
            {"$limit": 1},
        ]
        for _ in range(_LOOKS):
            with self._client.admin.aggregate(look) as found:
                if not found.to_list():
                    return True
            time.sleep(_PAUSE_SECONDS)
        return False


def _given(plugins: Iterable[LoadedPlugin]) -> list[LoadedPlugin]:
    return [plugin for plugin in plugins if plugin.distribution == GIVEN]


def _has_documents(plugin: LoadedPlugin) -> bool:
    found = plugin.implementation
    return hasattr(found, "register_collections") or bool(getattr(found, "migrations", ()))


def _described(database: SyncDatabase[Document], models: tuple[type[Model], ...]) -> Prepared:
    documents = {name: database[name].find().to_list() for name in _not_empty(database)}
    return Prepared(database.name, models, _collections(database), documents)


def _restore(database: SyncDatabase[Document], prepared: Prepared) -> bool:
    collections = _collections(database)
    if any(collections.get(name) != one for name, one in prepared.collections.items()):
        return False
    more = collections.keys() - prepared.collections.keys()
    if any(name.startswith("system.") for name in more):
        return False
    at_once = database.with_options(write_concern=WriteConcern(1))
    for name in more:
        at_once.drop_collection(name)
    for name in prepared.documents.keys() | _not_empty(database):
        documents = prepared.documents.get(name, [])
        if database[name].find().to_list() != documents:
            at_once[name].delete_many({})
            if documents:
                at_once[name].insert_many(documents)
    # Waits until the majority has all of the above, so that no later reader sees it undone.
    majority = database.with_options(write_concern=WriteConcern("majority"))
    for name in list(prepared.collections)[:1]:
        majority[name].delete_many({"_id": None})
    return True


def _collections(database: SyncDatabase[Document]) -> dict[str, Document]:
    """Return type, options and indexes of each collection, by its name."""
    found: dict[str, Document] = {
        one["name"]: {"type": one["type"], "options": one.get("options"), "indexes": {}}
        for one in database.list_collections()
    }
    names = [name for name, one in found.items() if one["type"] == "collection"]
    for index in _of_all(database, names, {"$indexStats": {}}, {"$project": {"spec": 1}}):
        found[index["in"]]["indexes"][index["spec"]["name"]] = index["spec"]
    return found


def _not_empty(database: SyncDatabase[Document]) -> set[str]:
    names = database.list_collection_names(filter={"type": "collection"})
    return {one["in"] for one in _of_all(database, names, {"$limit": 1})}


def _of_all(
    database: SyncDatabase[Document], names: Sequence[str], *stages: Document
) -> list[Document]:
    """Run stages on each collection, in one command; add the collection's name to each result."""
    of_each = [[*stages, {"$set": {"in": {"$literal": name}}}] for name in names]
    if not names:
        return []
    others = zip(names[1:], of_each[1:], strict=True)
    unions = [{"$unionWith": {"coll": name, "pipeline": one}} for name, one in others]
    return database[names[0]].aggregate([*of_each[0], *unions]).to_list()
