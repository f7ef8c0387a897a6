"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_attendance import AttendanceRecord
from quartapp_records.models import OlderEntry

if TYPE_CHECKING:
    from quartapp import Database


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return the entries of histories of a person's records that the records have no longer.

    Args:
        database: The database that has the entries.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key = ObjectId(user_id)
    async with database.operation():
        # Entries are found by session and student.
        sessions = await database.documents[AttendanceRecord.collection()].distinct(
            "sessionId", {"studentId": key}
        )
        older = database.documents[OlderEntry.collection()].find(
            {"sessionId": {"$in": sessions}, "studentId": key}, {"_id": 0, "studentId": 0}
        )
        return {"olderEntries": await older.sort([("sessionId", 1), ("v", 1)]).to_list()}


async def erase_person(database: Database, user_id: str, *, dry_run: bool) -> dict[str, int]:
    """Take the reasons out of older entries of the histories of a person.

    Args:
        database: The database that has the entries.
        user_id: Id of the person.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Numbers of what is erased.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key = ObjectId(user_id)
    async with database.operation():
        sessions = await database.documents[AttendanceRecord.collection()].distinct(
            "sessionId", {"studentId": key}
        )
        older = database.documents[OlderEntry.collection()]
        reasoned = {
            "sessionId": {"$in": sessions},
            "studentId": key,
            "reason": {"$type": "string"},
        }
        number = await older.count_documents(reasoned)
        if not dry_run:
            await older.update_many(reasoned, {"$set": {"reason": None}})
    return {"reasons": number}
