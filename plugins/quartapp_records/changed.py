"""Changes of records, for plugins that compute from records what they store themselves.

A change of records notes the names of all readers in the column of its session, before and after
the records are written. A reader takes its name out when it has stored what follows from the
change. So a process may be killed anywhere: the change is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from quartapp_records.models import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Document
    from quartapp_records.columns import Columns

Seen: TypeAlias = "Mapping[ObjectId, int]"
"""Sessions whose changes a reader is about to read, each with the number of changes so far."""


class ChangedRecords:
    """The changes of records that readers have yet to see.

    A reader asks :meth:`seen`, then reads registers or records, stores what follows from them, and
    then tells :meth:`read`. A change that comes meanwhile stays noted.

    Args:
        database: The database that has the columns.
        columns: The columns, which note changes.

    Example:
        >>> seen = await changed.seen("gradebook", class_id)
        >>> await store(await registers.read(class_id, first, last))
        >>> await changed.read("gradebook", seen)
    """

    def __init__(self, database: Database, columns: Columns) -> None:
        self._database = database
        self._noting = columns

    def add_reader(self, reader: str) -> None:
        """Note each change of records for a reader; for ``register_services``.

        Sessions that ended before the first server with this reader are not noted, until one of
        their records changes.

        Args:
            reader: Name of the reader: that of the plugin.
        """
        self._noting.note_for(reader)

    async def classes(self, reader: str, limit: int) -> list[ObjectId]:
        """Return ids of classes with changes that a reader has not read.

        Args:
            reader: Name of the reader.
            limit: Largest number of classes.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = await self._columns.aggregate(
                [
                    {"$match": {"unread": reader}},
                    {"$group": {"_id": "$classId"}},
                    {"$limit": limit},
                ]
            )
            return [one["_id"] async for one in found]

    async def seen(self, reader: str, class_id: ObjectId) -> Seen:
        """Return the sessions of a class with changes that a reader has not read.

        Args:
            reader: Name of the reader.
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = self._columns.find({"classId": class_id, "unread": reader}, {"n": 1})
            return {one["_id"]: one["n"] async for one in found}

    async def read(self, reader: str, seen: Seen) -> None:
        """Note that a reader has read changes, and has stored what follows from them.

        Sessions whose records somebody is changing, or has changed meanwhile, stay noted.

        Args:
            reader: Name of the reader.
            seen: The result of :meth:`seen` from before the records were read.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        others = {"$setDifference": ["$unread", [reader]]}
        left: Document = {"$cond": [{"$eq": [others, []]}, "$$REMOVE", others]}
        async with self._database.operation():
            for session, n in seen.items():
                await self._columns.update_one(
                    {"_id": session, "n": n, "pending": [], "unread": reader},
                    [{"$set": {"unread": left}}],
                )

    @property
    def _columns(self) -> AsyncCollection[Document]:
        return self._database.documents[Column.collection()]
