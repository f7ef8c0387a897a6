"""The histories of records: the last entries in the record, the older ones beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import UpdateOne

from quartapp import bulk_write
from quartapp_attendance import AttendanceRecord
from quartapp_records.models import OlderEntry
from quartapp_records.sessions import FIRST_VERSION, version_of

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp import Database, Document

# A record with this number of entries has some 4 kB.
KEPT = 20
# Entries move in groups, so that few corrections have further writes.
MOST = 2 * KEPT


class Histories:
    """The histories of records.

    Args:
        database: The database that has the records.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, record: Document, limit: int, after: int | None = None) -> list[Document]:
        """Return entries of a record's history, the original first.

        Args:
            record: The record, with its last entries.
            limit: Largest number of entries.
            after: Version behind which the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        start = after or 0
        own = [entry for entry in entries_of(record) if entry["v"] > start]
        first = entries_of(record)[0]["v"]
        if first <= start + 1:
            return own[:limit]
        query = {
            "sessionId": record["sessionId"],
            "studentId": record["studentId"],
            "v": {"$gt": start, "$lt": first},
        }
        async with self._database.operation():
            older = self._database.documents[OlderEntry.collection()]
            found = await older.find(query).sort("v", 1).limit(limit).to_list()
        return [*found, *own][:limit]

    async def shorten(self, record: Document) -> None:
        """Move a record's older entries to a collection of their own, if the record has many.

        An entry is copied before it is taken out: if the process dies in between, the entry is
        there twice, and the next correction goes on.

        Args:
            record: The record, with its entries.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        entries = record.get("history", [])
        if len(entries) <= MOST:
            return
        moved = entries[:-KEPT]
        key = {name: record[name] for name in ("sessionId", "studentId")}
        copies = [
            UpdateOne(
                {**key, "v": entry["v"]},
                {"$setOnInsert": {"classId": record["classId"], **entry}},
                upsert=True,
            )
            for entry in moved
        ]
        async with self._database.operation():
            await bulk_write(self._database.documents[OlderEntry.collection()], copies)
            await self._database.documents[AttendanceRecord.collection()].update_one(
                {"_id": record["_id"]},
                {"$pull": {"history": {"v": {"$lte": moved[-1]["v"]}}}},
            )

    async def delete(self, class_id: ObjectId) -> None:
        """Delete the older entries of a class.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            older = self._database.documents[OlderEntry.collection()]
            await older.delete_many({"classId": class_id})


def entries_of(record: Document) -> list[Document]:
    """Return the entries that a record has; those of one that was never corrected are its own.

    Args:
        record: The record, with its history.
    """
    return record.get("history") or [original_of(record)]


def original_of(record: Document) -> Document:
    """Return the first entry of the history of a record that was never corrected.

    Args:
        record: The record.
    """
    return {
        "v": version_of(record) or FIRST_VERSION,
        "at": record.get("markedAt"),
        "by": record.get("markedBy"),
        "from": None,
        "to": record["status"],
        "reason": None,
        "via": record.get("via"),
    }


def entry_of(
    before: Document | None, status: str, at: datetime, by: str, reason: str | None, via: str | None
) -> Document:
    """Return the entry for a change of a record.

    Args:
        before: The record before the change; None where there was none.
        status: The new status.
        at: Time of the change.
        by: Id of the user.
        reason: Reason of the change; None without one.
        via: How the change was made; None when a person made it by hand.
    """
    return {
        "v": version_of(before) + 1,
        "at": at,
        "by": ObjectId(by),
        "from": None if before is None else before["status"],
        "to": status,
        "reason": reason,
        "via": via,
    }
