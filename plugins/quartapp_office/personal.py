"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_office.models import ENTRIES

if TYPE_CHECKING:
    from quartapp import Database


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return what the office has entered for a person, without the other students.

    Args:
        database: The database that has the entries.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    async with database.operation():
        found = database.documents[ENTRIES].find(
            {"students": ObjectId(user_id)}, {"students": 0, "pending": 0}
        )
        return {"entries": await found.sort("_id", 1).to_list()}


async def erase_person(database: Database, user_id: str, *, dry_run: bool) -> dict[str, int]:
    """Take a person out of the entries of the office; entries for nobody else are deleted.

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
        entries = database.documents[ENTRIES]
        number = await entries.count_documents({"students": key})
        if not dry_run:
            await entries.delete_many({"students": [key]})
            await entries.update_many(
                {"students": key},
                {"$pull": {"students": key, "pending.seen": {"studentId": key}}},
            )
    return {"entries": number}
