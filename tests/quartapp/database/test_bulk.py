"""Bulk writes: what a unique index refuses is told apart from what is wrong."""

from __future__ import annotations

import pytest
from bson import ObjectId
from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from quartapp import bulk_write


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
