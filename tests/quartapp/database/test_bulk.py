"""Reads of whole collections in pages, and bulk writes that pass over duplicates."""

from __future__ import annotations

import pytest
from bson import ObjectId
from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from quartapp import bulk_write, core, read_pages


@pytest.fixture
async def books(server):
    """Provide a collection with a unique index and one document."""
    collection = server.documents["books"]
    await collection.create_index([("title", ASCENDING)], unique=True)
    await collection.insert_one({"title": "Emma"})
    return collection


async def test_duplicates_are_returned_and_all_other_documents_are_written(books):
    writes = [InsertOne({"title": title}) for title in ("Emma", "Persuasion", "Emma", "Sanditon")]
    assert await bulk_write(books, writes) == [0, 2]
    assert await books.distinct("title") == ["Emma", "Persuasion", "Sanditon"]


async def test_without_duplicates_the_result_is_empty(books):
    write = UpdateOne({"_id": ObjectId()}, {"$set": {"title": "Persuasion"}}, upsert=True)
    assert await bulk_write(books, [write]) == []


async def test_other_errors_are_raised(books):
    wrong = UpdateOne({"title": "Emma"}, {"$inc": {"title": 1}})
    with pytest.raises(BulkWriteError):
        await bulk_write(books, [InsertOne({"title": "Emma"}), wrong])


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (2, [2]), (3, [3]), (7, [3, 3, 1])])
async def test_pages_have_all_documents_sorted_by_id(server, count, sizes):
    things = server.documents["things"]
    for number in reversed(range(count)):
        await things.insert_one({"_id": number, "odd": number % 2, "other": "x"})
    database = core(server.app).database
    pages = [page async for page in read_pages(database, "things", 3, ["odd"])]
    assert [len(page) for page in pages] == sizes
    found = [document for page in pages for document in page]
    assert found == [{"_id": number, "odd": number % 2} for number in range(count)]


async def test_pages_have_all_fields_by_default(server):
    await server.documents["things"].insert_one({"_id": "one", "odd": 1})
    pages = read_pages(core(server.app).database, "things", 10)
    assert [page async for page in pages] == [[{"_id": "one", "odd": 1}]]
