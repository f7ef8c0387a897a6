"""Backups of real databases: one moment, and everything comes back."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import threading

import bson
import pytest
from pymongo.errors import OperationFailure

from quartapp.backup.database import connected, dump, fill
from quartapp.backup.form import BackupError

HEAD = {"version": "1", "made_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
TRANSFERS_BEFORE = 20


def nobody(name, count):
    """Take no notice of the progress."""


@pytest.fixture
def database(mongodb_uri):
    with connected(mongodb_uri, "unused") as opened:
        yield opened


@pytest.fixture
def other(database):
    """Return another database, which is empty."""
    other = database.client[f"{database.name}_other"]
    yield other
    database.client.drop_database(other.name)


def content(database):
    """Return documents, options and indexes of all collections."""
    return {
        found["name"]: (
            found["options"],
            sorted((bson.encode(one) for one in database[found["name"]].find()), key=bytes),
            {index["name"]: bson.encode(index) for index in database[found["name"]].list_indexes()},
        )
        for found in database.list_collections()
    }


def test_documents_options_and_indexes_come_back(database, other):
    database.create_collection("checked", validator={"a": {"$type": "int"}})
    database["checked"].insert_many([{"a": number, "b": "x" * number} for number in range(3000)])
    database["checked"].create_index([("a", 1), ("b", -1)], unique=True, name="both")
    database["checked"].create_index(
        "b", partialFilterExpression={"a": {"$gt": 7}}, expireAfterSeconds=10**9
    )
    database.create_collection("empty")
    database["ä name"].insert_one({"$odd": {"deep": [1, None, bson.Int64(2), b"bytes"]}})
    target = io.BytesIO()
    counts = dump(database, target, HEAD, nobody)
    assert counts == {"checked": 3000, "empty": 0, "ä name": 1}
    target.seek(0)
    assert fill(other, target, nobody) == counts
    assert content(other) == content(database)


async def test_a_backup_beside_writers_is_of_one_moment(database):
    """Move coins between two collections; in each backup, none is lost and none is there twice."""
    coins = 100
    database["from"].insert_many([{"_id": number, "fill": "x" * 2000} for number in range(coins)])
    database["to"].insert_one({"_id": -1})
    moved, stop = threading.Semaphore(0), threading.Event()

    def move():
        for number in range(coins):
            if stop.is_set():
                return
            with database.client.start_session() as session, session.start_transaction():
                coin = database["from"].find_one_and_delete({"_id": number}, session=session)
                database["to"].insert_one(coin, session=session)
            moved.release()

    seen = []

    def told(name, count):
        # Between the two collections, some coins are moved.
        if name == "to" and count == 0:
            for _ in range(TRANSFERS_BEFORE):
                assert moved.acquire(timeout=60)
        seen.append(name)

    mover = asyncio.create_task(asyncio.to_thread(move))
    assert await asyncio.to_thread(moved.acquire, timeout=60)
    target = io.BytesIO()
    counts = await asyncio.to_thread(dump, database, target, HEAD, told)
    stop.set()
    await mover
    assert counts["from"] + counts["to"] - 1 == coins
    assert 0 < counts["from"] < coins
    assert "to" in seen


def test_a_database_that_has_something_is_left_alone(database, other):
    database["a"].insert_one({})
    target = io.BytesIO()
    dump(database, target, HEAD, nobody)
    other["b"].insert_one({"kept": True})
    before = content(other)
    target.seek(0)
    with pytest.raises(BackupError, match="is not empty"):
        fill(other, target, nobody)
    assert content(other) == before


def test_after_a_failure_the_database_is_empty_again(database, other):
    database["a"].insert_many([{"b": "x" * 100} for _ in range(500)])
    target = io.BytesIO()
    dump(database, target, HEAD, nobody)
    with pytest.raises(BackupError, match="not whole"):
        fill(other, io.BytesIO(target.getvalue()[:-30]), nobody)
    assert other.list_collection_names() == []


def test_what_somebody_else_has_made_meanwhile_stays(database, other):
    for name in ("a", "b"):
        database[name].insert_one({})
    target = io.BytesIO()
    dump(database, target, HEAD, nobody)
    target.seek(0)

    def told(name, count):
        if (name, count) == ("a", 0):
            other["b"].insert_one({"kept": True})

    with pytest.raises(OperationFailure):
        fill(other, target, told)
    assert other.list_collection_names() == ["b"]
    assert other["b"].count_documents({"kept": True}) == 1


def test_mongodb_out_of_reach_is_one_sentence():
    uri = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100"
    with pytest.raises(BackupError, match="MongoDB: "), connected(uri, "x") as database:
        database.list_collection_names()
