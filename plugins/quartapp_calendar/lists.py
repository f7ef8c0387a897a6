"""Documents with lists, such as that of all terms; each change is one update, and an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import AuditEntry, Database, Document, Plugins


class Lists:
    """The documents of one collection.

    Args:
        database: The app's database.
        plugins: The plugins that receive events.
        collection: Name of the collection.
    """

    def __init__(self, database: Database, plugins: Plugins, collection: str) -> None:
        self._database = database
        self._plugins = plugins
        self._collection = collection

    @property
    def stored(self) -> AsyncCollection[Document]:
        """The collection; in a transaction, that of another database."""
        return self._database.documents[self._collection]

    async def begin(self, key: str, name: str) -> None:
        """Store a document with an empty list, unless it is there.

        Args:
            key: ``_id`` of the document.
            name: Name of the list.
        """
        try:
            async with self._database.operation():
                await self.stored.update_one(
                    {"_id": key}, {"$setOnInsert": {name: []}}, upsert=True
                )
        except DuplicateKeyError:
            # Another request stored the document at the same moment.
            return

    async def change(
        self,
        query: Document,
        change: Document,
        event: object,
        audited: Sequence[AuditEntry],
        *,
        filters: Sequence[Document] | None = None,
        upsert: bool = False,
    ) -> bool:
        """Change a document, and tell the event.

        Args:
            query: Query for the document.
            change: The update.
            event: What happens.
            audited: Entries of the audit.
            filters: Filters of list items that the update names.
            upsert: Whether to store a document that is not there.

        Returns:
            Whether there was such a document.
        """

        async def write() -> Document | None:
            async with self._database.operation():
                return await self.stored.find_one_and_update(
                    query,
                    change,
                    array_filters=filters,
                    upsert=upsert,
                    return_document=ReturnDocument.AFTER,
                    projection={"_id": 1},
                )

        changed = await self._plugins.changes.stored([event], write, audited=audited)
        if changed is None:
            return False
        await self._plugins.on_event(event)
        return True
