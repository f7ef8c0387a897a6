"""Bulk writes that pass over duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymongo import InsertOne, UpdateOne
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.database.documents import Document

DUPLICATE_KEY = 11000


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
