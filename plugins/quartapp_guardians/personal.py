"""What this plugin keeps of a student, for that student."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_guardians.models import GUARDIANS, NOTICES

if TYPE_CHECKING:
    from quartapp import Database


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return the guardians of a student, and what they were told.

    Args:
        database: The database that has guardians and notices.
        user_id: Id of the student.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    query, found = {"studentId": ObjectId(user_id)}, {}
    async with database.operation():
        for part, collection in (("guardians", GUARDIANS), ("notices", NOTICES)):
            kept = database.documents[collection].find(query, {"studentId": 0})
            found[part] = await kept.sort("_id", 1).to_list()
    return {**found}


async def erase_person(database: Database, user_id: str, *, dry_run: bool) -> dict[str, int]:
    """Delete the guardians of a student, and the notices about the student.

    Args:
        database: The database that has guardians and notices.
        user_id: Id of the student.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Numbers of what is erased.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    query, erased = {"studentId": ObjectId(user_id)}, {}
    async with database.operation():
        for part, collection in (("guardians", GUARDIANS), ("notices", NOTICES)):
            stored = database.documents[collection]
            erased[part] = await stored.count_documents(query)
            if not dry_run:
                await stored.delete_many(query)
    return erased
