"""Many writes at once, where some may be there already."""

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
    """Write in any order, and pass over what a unique index refuses.

    Args:
        collection: Where to write.
        writes: At least one.

    Returns:
        The positions in ``writes`` of those that were refused.

    Raises:
        BulkWriteError: MongoDB refused one for another reason.
    """
    try:
        await collection.bulk_write(list(writes), ordered=False)
    except BulkWriteError as error:
        problems = error.details["writeErrors"]
        if any(problem["code"] != DUPLICATE_KEY for problem in problems):
            raise
        return [problem["index"] for problem in problems]
    return []
