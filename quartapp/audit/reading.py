"""Entries for people who look at the audit, in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.audit.form import ENTRIES

if TYPE_CHECKING:
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

NEWEST_FIRST = [("day", -1), ("number", -1)]


class Reading:
    """Reads entries.

    Args:
        database: Database that stores the entries.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        most: int,
        after: str | None = None,
        *,
        day: str | None = None,
        who: str | None = None,
        action: str | None = None,
    ) -> list[Document]:
        """Return linked entries, the newest first.

        Args:
            most: Largest number of entries.
            after: ``_id`` of an entry; only entries before it are returned. None for no limit.
            day: Day of the entries, in UTC, as an ISO date; None for any.
            who: Id of the account that acted; None for any.
            action: Name of the action; None for any.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        given = {"day": day, "who": who, "action": action}
        query: Document = {name: value for name, value in given.items() if value is not None}
        async with self._database.operation():
            entries = self._database.documents[ENTRIES]
            if after is not None:
                last = await entries.find_one({"_id": after}, {"day": 1, "number": 1})
                if last is None:
                    return []  # its day was deleted, and so were all days before
                earlier = {"day": last["day"], "number": {"$lt": last["number"]}}
                query = {"$and": [query, {"$or": [{"day": {"$lt": last["day"]}}, earlier]}]}
            return await entries.find(query).sort(NEWEST_FIRST).limit(most).to_list()
