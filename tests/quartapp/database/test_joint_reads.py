"""Reads that go together: fewer commands, the same answers."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener

from quartapp.clock import SYSTEM_CLOCK
from quartapp.database.joint_reads import JointReads
from quartapp.errors import DatabaseUnavailableError


class Finds(CommandListener):
    """Counts the reads that a client sends."""

    def __init__(self):
        self.count = 0

    def started(self, event):
        self.count += event.command_name == "find"

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


@pytest.fixture
async def things(mongodb_uri):
    """Provide a collection, and the reads that its client has sent."""
    finds = Finds()
    client = AsyncMongoClient(mongodb_uri, event_listeners=[finds])
    yield client.get_default_database()["things"], finds
    await client.close()


def by_id(collection, most=1000, timeout=5.0, clock=SYSTEM_CLOCK):
    async def read(keys):
        found = await collection.find({"_id": {"$in": list(keys)}}).to_list()
        return {document["_id"]: document for document in found}

    return JointReads(read, most, timeout, clock)


async def test_concurrent_reads_take_two_commands(things):
    collection, finds = things
    ids = [ObjectId() for _ in range(300)]
    await collection.insert_many([{"_id": key, "n": n} for n, key in enumerate(ids)])
    reads = by_id(collection)
    nobody = ObjectId()
    first = asyncio.create_task(reads.get(ids[0]))
    rest = asyncio.gather(*(reads.get(key) for key in [*ids[1:], *ids[1:], nobody]))
    assert (await first)["n"] == 0
    numbers = [found and found["n"] for found in await rest]
    assert numbers == [*range(1, 300), *range(1, 300), None]
    assert finds.count <= 2
    assert (await reads.get(nobody)) is None


async def test_one_command_reads_a_limited_number_of_keys(things):
    collection, finds = things
    ids = [ObjectId() for _ in range(60)]
    await collection.insert_many([{"_id": key} for key in ids])
    reads = by_id(collection, most=25)
    many = asyncio.gather(*(reads.get_all(ids[n : n + 10]) for n in range(0, 60, 10)))
    assert {key for found in await many for key in found} == set(ids)
    assert finds.count == 3
    assert set(await reads.get_all(ids)) == set(ids), "one has as many as it needs"
    assert finds.count == 4


async def test_read_sees_changes_from_before_its_request(things):
    collection, _ = things
    key = ObjectId()
    await collection.insert_one({"_id": key, "n": 0})
    reads = by_id(collection)
    for n in range(1, 30):
        behind = [asyncio.create_task(reads.get(key)) for _ in range(3)]
        await collection.update_one({"_id": key}, {"$set": {"n": n}})
        assert (await reads.get(key))["n"] == n
        assert {found["n"] for found in await asyncio.gather(*behind)} <= {n - 1, n}


async def test_cancelled_reader_affects_no_other_reader(things):
    collection, _ = things
    key = ObjectId()
    await collection.insert_one({"_id": key})
    reads = by_id(collection)
    leaving, staying = (asyncio.create_task(reads.get(key)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying)["_id"] == key
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_reads_of_every_request_take_one_command_each(server, lesson):
    """Accounts and names come in one answer, with nothing to be asked for afterwards."""
    maths = await lesson(server, students=3)
    await server.documents.command("profile", 2)
    for path in ("/auth/me", f"/class/{maths.class_id}"):
        answer = await server.api.get(path, headers=maths.teacher.headers)
        assert answer.status_code == 200
    await server.documents.command("profile", 0)
    done = await server.documents["system.profile"].find({}, {"op": 1, "ns": 1}).to_list()
    reads = sorted((each["op"], each["ns"].partition(".")[2]) for each in done)
    assert [read for read in reads if read[1] in ("users", "classes")] == [
        ("query", "classes"),
        ("query", "users"),
        ("query", "users"),
    ]


async def test_a_failure_reaches_all_readers_of_one_command():
    nobody = AsyncMongoClient("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=50)
    reads = by_id(nobody["a"]["b"])
    answers = await asyncio.gather(*(reads.get(n) for n in range(5)), return_exceptions=True)
    assert all(isinstance(answer, PyMongoError) for answer in answers)
    await nobody.close()


async def test_answer_keeps_its_deadline_behind_other_reads(own_mongod, turned_clock):
    mongod = own_mongod()
    client = AsyncMongoClient(mongod.uri)
    reads = by_id(client["a"]["b"], timeout=7, clock=turned_clock)
    assert await reads.get(1) is None
    with mongod.frozen():
        asked = asyncio.gather(reads.get(1), reads.get(2), return_exceptions=True)
        while turned_clock.waiting != [7, 7]:  # noqa: ASYNC110 - two timers, one after another
            await asyncio.sleep(0)
        await turned_clock.advance(7)
        assert [type(answer) for answer in await asked] == [DatabaseUnavailableError] * 2
    assert await reads.get(3) is None
    await client.close()
