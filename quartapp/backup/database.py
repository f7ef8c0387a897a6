"""The database of a backup: reading all of it at one moment, and filling an empty one."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError

from quartapp.backup.form import (
    COLLECTION,
    DOCUMENTS,
    HEAD,
    BackupError,
    BackupWriter,
    decoded,
    raw,
    records,
)
from quartapp.database.address import application_name, database_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    from bson.raw_bson import RawBSONDocument
    from pymongo.client_session import ClientSession
    from pymongo.database import Database

# A moment that MongoDB no longer keeps, or that came before a collection was made or changed.
_SNAPSHOT_TOO_OLD, _SNAPSHOT_UNAVAILABLE = 239, 246


class MomentLostError(BackupError):
    """The moment of a backup, which MongoDB keeps no longer; another try takes another moment."""


@contextmanager
def connected(uri: str, name: str) -> Iterator[Database[dict[str, Any]]]:
    """Open a database for a backup.

    Args:
        uri: MongoDB connection string.
        name: Name of the database, if the URI has none.

    Yields:
        The database.

    Raises:
        BackupError: MongoDB does not answer, or refuses; whatever happens in the block.
    """
    try:
        with MongoClient[dict[str, Any]](uri, appname=application_name(uri)) as client:
            concern = WriteConcern("majority")
            yield client.get_database(database_name(uri) or name, write_concern=concern)
    except PyMongoError as error:
        raise BackupError(f"MongoDB: {error}") from error


def has_moments(database: Database[dict[str, Any]]) -> bool:
    """Tell whether all collections can be read at one moment: a standalone MongoDB cannot.

    Args:
        database: The database.
    """
    return "setName" in database.client.admin.command("hello")


def dump(
    database: Database[dict[str, Any]],
    target: BinaryIO,
    head: Mapping[str, Any],
    told: Callable[[str, int], None],
    *,
    at_one_moment: bool = True,
) -> dict[str, int]:
    """Write all documents and indexes of a database, beside servers that use it.

    Args:
        database: The database.
        target: File to write to.
        head: What the head of the backup says.
        told: Function that is told the name of each collection and the documents so far.
        at_one_moment: Whether everything is read as it was at one moment. A standalone MongoDB
            cannot do so; then nothing may write meanwhile.

    Returns:
        The number of documents of each collection.

    Raises:
        MomentLostError: Collections were made meanwhile, or reading took longer than MongoDB
            keeps a moment.
        BackupError: The file cannot be written in this form.
        PyMongoError: MongoDB does not answer.
    """
    with database.client.start_session(snapshot=at_one_moment) as session:
        before = _collections(database)
        if at_one_moment and before:
            database[before[0]["name"]].find_one(session=session)  # fixes the moment
            if _collections(database) != before:
                raise MomentLostError("collections were made or changed meanwhile; try again")
        with BackupWriter(target, head) as writer:
            try:
                for about in before:
                    _dump_collection(database, about, session, writer, told)
            except OperationFailure as error:
                if error.code in {_SNAPSHOT_TOO_OLD, _SNAPSHOT_UNAVAILABLE}:
                    raise MomentLostError(
                        "MongoDB no longer keeps the moment of the backup: collections were "
                        "changed, or reading took longer than "
                        "minSnapshotHistoryWindowInSeconds; try again, or raise that parameter"
                    ) from error
                raise
    return writer.counts


def _dump_collection(
    database: Database[dict[str, Any]],
    about: Mapping[str, Any],
    session: ClientSession,
    writer: BackupWriter,
    told: Callable[[str, int], None],
) -> None:
    name = about["name"]
    indexes = [dict(index) for index in database[name].list_indexes() if index["name"] != "_id_"]
    writer.collection(name, {"options": about["options"], "indexes": indexes})
    told(name, 0)
    for batch in database[name].find_raw_batches({}, session=session):
        writer.documents(cast("bytes", batch))
        told(name, writer.counts[name])


def _collections(database: Database[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return names and options of the collections, in the order of their names."""
    listed = database.list_collections(filter={"type": "collection"})
    return sorted(
        (
            {"name": found["name"], "options": found["options"]}
            for found in listed
            if not found["name"].startswith("system.")
        ),
        key=lambda found: str(found["name"]),
    )


def ensure_empty(database: Database[dict[str, Any]]) -> None:
    """Refuse a database that has anything: a backup is never mixed with other data.

    Args:
        database: The database.

    Raises:
        BackupError: It has collections.
    """
    if database.list_collection_names():
        raise BackupError(
            f"the database {database.name} is not empty, and a backup replaces nothing: "
            "drop it, or name another database"
        )


def fill(
    database: Database[dict[str, Any]], source: BinaryIO, told: Callable[[str, int], None]
) -> dict[str, int]:
    """Fill an empty database with a backup; after a failure it is empty again.

    Args:
        database: The database.
        source: The backup.
        told: Function that is told the name of each collection and the documents so far.

    Returns:
        The number of documents of each collection.

    Raises:
        BackupError: The database is not empty, or the backup is not whole.
        PyMongoError: MongoDB does not answer.
    """
    ensure_empty(database)
    made: list[str] = []

    def make(about: dict[str, Any]) -> None:
        database.command({"create": about["name"], **about["options"]})
        made.append(about["name"])
        if about["indexes"]:
            # MongoDB makes indexes of an empty collection at once.
            database.command({"createIndexes": about["name"], "indexes": about["indexes"]})
        told(about["name"], 0)

    def insert(name: str, documents: list[RawBSONDocument], count: int) -> None:
        database[name].insert_many(documents, ordered=False)
        told(name, count)

    try:
        return _walked(source, make, insert)[1]
    except BaseException:
        for name in made:
            database.drop_collection(name)
        raise


def check(source: BinaryIO) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a backup to its end, and verify that it is whole.

    Args:
        source: The backup.

    Returns:
        The head, and the number of documents of each collection.

    Raises:
        BackupError: It is not whole.
    """
    return _walked(source, lambda about: None, lambda name, documents, count: None)


def _walked(
    source: BinaryIO,
    make: Callable[[dict[str, Any]], None],
    insert: Callable[[str, list[RawBSONDocument], int], None],
) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a backup to its end, and return what :func:`check` does.

    Args:
        source: The backup.
        make: Function that gets what the backup says of a collection.
        insert: Function that gets the name of the collection, documents, and their number so far.
    """
    head: dict[str, Any] = {}
    counted: dict[str, int] = {}
    name = ""
    for kind, content in records(source):
        if kind == HEAD:
            head = decoded(content, made_at=datetime, version=str)
        elif kind == COLLECTION:
            about = decoded(content, name=str, options=dict, indexes=list)
            name = about["name"]
            make(about)
            counted[name] = 0
        elif kind == DOCUMENTS:
            documents = raw(content)
            counted[name] += len(documents)
            insert(name, documents, counted[name])
        elif decoded(content, collections=dict)["collections"] != counted:
            raise BackupError("the backup was changed: its end counts other documents")
    return head, counted
