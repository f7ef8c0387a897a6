"""Errors of a MongoDB that is out of reach for now, as the callers of a database meet them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pymongo import InsertOne
from pymongo.errors import OperationFailure

from quartapp import DatabaseUnavailableError, bulk_write, core
from quartapp.database.changed import changed_ids
from quartapp.database.clients import Clients
from quartapp.database.outages import PASSING_CODES
from tests.support.failing_commands import OPTIONS
from tests.support.mongod import Mongod, initiate
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp import Database

CALLS = ("find", "insert", "findAndModify", "aggregate", "commitTransaction")
# MongoDB refuses what the server asks, which is no outage.
REFUSALS = {2: "BadValue", 13: "Unauthorized", 121: "DocumentValidationFailure"}
KEY_NOT_FOUND, WRITE_CONFLICT, TIME_LIMIT = 211, 112, 262


@pytest.fixture
def mongod(own_mongod):
    """Provide a mongod whose commands can be made to fail."""
    return own_mongod(*OPTIONS)


@pytest.fixture
async def database(mongod, serve):
    """Provide the database of an app."""
    # After some errors the driver asks for the server's state, and waits for the answer.
    uri = f"{mongod.uri}&appName=outages&heartbeatFrequencyMS=500"
    return core((await serve([], mongodb_uri=uri)).app).database


@pytest.fixture
def impatient(database, monkeypatch):
    """Return a block in which the database soon gives up what the driver tries again and again."""

    @contextmanager
    def block() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(database, "time_limit", 0.2)
            yield

    return block


def fail(mongod: Mongod, code: int, *, times: int | None = None) -> None:
    """Let commands of the app fail from now on, or some times; code 0 ends that."""
    mode = {"times": times} if times else "alwaysOn"
    failing = {"failCommands": CALLS, "errorCode": code, "appName": "outages"}
    mongod.client.admin.command(
        {"configureFailPoint": "failCommand", "mode": mode if code else "off", "data": failing}
    )


async def write(database: Database) -> None:
    async with database.operation():
        await database.documents["books"].insert_one({"title": "Emma"})


async def write_many(database: Database) -> None:
    async with database.operation():
        await bulk_write(database.documents["books"], [InsertOne({"title": "Emma"})])


async def read(database: Database) -> None:
    async with database.operation():
        await database.documents["books"].find({}).to_list()


async def read_one(database: Database) -> None:
    await database.one("books", {})


async def change(database: Database) -> None:
    async with database.operation():
        await database.documents["books"].find_one_and_update({}, {"$set": {"title": "Emma"}})


async def in_thread(database: Database) -> None:
    models = database._connected.for_models
    await database.run(models["books"].find_one, {})


async def transaction(database: Database) -> None:
    await database.transaction(lambda: write(database))


async def watch(database: Database) -> None:
    async for _ in changed_ids(database, "books"):
        return


async def test_each_error_that_passes_is_an_outage_and_no_other(database, mongod, impatient):
    for code in PASSING_CODES:
        fail(mongod, 0)
        await read(database)
        fail(mongod, code)
        with impatient(), pytest.raises(DatabaseUnavailableError):
            await read(database)
    for code in REFUSALS:
        fail(mongod, code)
        with pytest.raises(OperationFailure):
            await read(database)


async def test_an_outage_is_one_error_for_every_kind_of_call(database, mongod, impatient):
    for call in (write, write_many, read, read_one, change, in_thread, transaction, watch):
        for code in (KEY_NOT_FOUND, WRITE_CONFLICT, TIME_LIMIT):
            fail(mongod, code)
            with impatient(), pytest.raises(DatabaseUnavailableError):
                await call(database)
        fail(mongod, 0)
        await call(database)


async def test_a_read_of_one_document_is_tried_again(database, mongod):
    await write(database)
    fail(mongod, TIME_LIMIT, times=1)
    found = await database.one("books", {"title": "Emma"}, {"_id": 0, "title": 1})
    assert found == {"title": "Emma"}


async def test_a_transaction_begins_again_after_a_passing_error_of_a_step(database, mongod):
    fail(mongod, WRITE_CONFLICT, times=3)
    await transaction(database)
    assert await database.documents["books"].count_documents({}) == 1


async def test_a_connection_from_before_the_primary_serves_no_transaction_and_is_replaced(tmp_path):
    mongod = Mongod(tmp_path / "mongod", OPTIONS)
    clients = Clients(mongod.uri, "quartapp", timeout=60)
    before = clients.documents

    async def insert() -> None:
        await clients.documents["books"].insert_one({})

    try:
        mongod.launch()
        until(mongod.hello)
        # More commands at once than there are connections.
        await asyncio.gather(*(clients.command("ping") for _ in range(20)))
        initiate([mongod], "test")
        until(mongod.takes_writes)
        mongod.client["quartapp"].create_collection("books")
        await asyncio.gather(*(clients.transaction(insert) for _ in range(20)))
        assert clients.documents is not before
        assert await clients.documents["books"].count_documents({}) == 20
    finally:
        await clients.close()
        mongod.end()
