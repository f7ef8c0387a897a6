"""Ids of changed documents, as all processes hear of them."""

from __future__ import annotations

import pytest

from quartapp import DatabaseUnavailableError, changed_ids, core
from tests.support.failing_commands import OPTIONS, STREAM, fail


@pytest.fixture
async def database(serve):
    return core((await serve([])).app).database


async def heard(changes):
    """The next id that is told."""
    async for ids in changes:
        for one in ids:
            return one
    raise AssertionError("the watch is over")


async def test_ids_of_changed_documents_are_told_in_order(database):
    boxes = database.documents["boxes"]
    await boxes.insert_one({"_id": "before"})
    changes = changed_ids(database, "boxes")
    assert await anext(changes) == ()
    await boxes.insert_one({"_id": "made"})
    await boxes.update_one({"_id": "before"}, {"$set": {"full": True}})
    await boxes.delete_one({"_id": "made"})
    assert [await heard(changes) for _ in range(3)] == ["made", "before", "made"]
    await changes.aclose()


async def test_stages_choose_changes(database):
    changes = changed_ids(database, "boxes", [{"$match": {"operationType": "delete"}}])
    assert await anext(changes) == ()
    await database.documents["boxes"].insert_one({"_id": "made"})
    await database.documents["boxes"].delete_one({"_id": "made"})
    await database.documents["boxes"].delete_one({"_id": "none"})
    await database.documents["boxes"].insert_one({"_id": "last"})
    await database.documents["boxes"].delete_one({"_id": "last"})
    assert [await heard(changes) for _ in range(2)] == ["made", "last"]
    await changes.aclose()


async def test_watch_that_hears_nothing_says_so(database):
    changes = changed_ids(database, "boxes")
    assert [await anext(changes) for _ in range(3)] == [(), (), ()]
    await changes.aclose()


async def test_watch_ends_with_its_collection(database):
    await database.documents["boxes"].insert_one({"_id": "one"})
    changes = changed_ids(database, "boxes")
    assert await anext(changes) == ()
    await database.documents.drop_collection("boxes")
    assert [ids async for ids in changes if ids] == []


async def test_watch_that_breaks_is_an_outage(own_mongod, serve):
    mongod = own_mongod(*OPTIONS)
    database = core((await serve([], mongodb_uri=mongod.uri)).app).database
    changes = changed_ids(database, "boxes")
    assert await anext(changes) == ()
    fail(mongod, "boxes", *STREAM)
    with pytest.raises(DatabaseUnavailableError):
        await heard(changes)
    fail(mongod, "boxes")
