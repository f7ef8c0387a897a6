"""Reads of whole collections, and bulk writes that pass over duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pymongo import InsertOne, UpdateOne
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.database.database import Database
    from quartapp.database.documents import Document

DUPLICATE_KEY = 11000


async def read_pages(
    database: Database, collection: str, most: int, fields: Sequence[str] | None = None
) -> AsyncIterator[list[Document]]:
    """Yield all documents of a collection in pages, sorted by ``_id``.

    Each page is one operation with a time limit of its own, so the collection may be large. Between
    pages, others may write: a document that is stored meanwhile may be missing.

    Args:
        database: The database.
        collection: Name of the collection, whose ``_id`` all have one type.
        most: Largest number of documents in a page.
        fields: Fields to read beside ``_id``; None for all fields.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    query: Document = {}
    while True:
        async with database.operation():
            cursor = database.documents[collection].find(
                query, fields, sort=[("_id", 1)], limit=most
            )
            page = await cursor.to_list()
        if not page:
            return
        yield page
        query = {"_id": {"$gt": page[-1]["_id"]}}


async def bulk_write(
    collection: AsyncCollection[Document], writes: Sequence[InsertOne[Document] | UpdateOne]
) -> list[int]:
    """Write in any order, and pass over writes that a unique index refuses.

    Args:
        collection: The collection to write to.
        writes: The writes, at least one.

    Returns:
        The positions of the refused writes in ``writes``.

    Raises:
        BulkWriteError: MongoDB refused a write for another reason.
    """
    try:
        await collection.bulk_write(list(writes), ordered=False)
    except BulkWriteError as error:
        problems = error.details["writeErrors"]
        if any(problem["code"] != DUPLICATE_KEY for problem in problems):
            raise
        return [problem["index"] for problem in problems]
    return []
