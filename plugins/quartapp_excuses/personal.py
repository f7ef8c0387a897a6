"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_excuses.models import EXCUSES

if TYPE_CHECKING:
    from quartapp import Database
    from quartapp_excuses.files import ExcuseFiles


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return the excuses of a person, and those that they handed in for others.

    Files are not in it; each has the path at which the person reads it.

    Args:
        database: The database that has the excuses.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key = ObjectId(user_id)
    async with database.operation():
        found = database.documents[EXCUSES].find(
            {"$or": [{"studentId": key}, {"handedInBy": key}]}, {"pending": 0}
        )
        excuses = await found.sort("_id", 1).to_list()
    for excuse in excuses:
        if "file" in excuse:
            excuse["file"]["path"] = f"/api/v1/excuses/{excuse['_id']}/file"
    return {"excuses": excuses}


async def erase_person(
    database: Database, files: ExcuseFiles, user_id: str, *, dry_run: bool
) -> dict[str, int]:
    """Delete the excuses of a person, with their files.

    Args:
        database: The database that has the excuses.
        files: The files of excuses.
        user_id: Id of the person.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Numbers of what is erased.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    of_student = {"studentId": ObjectId(user_id)}
    async with database.operation():
        excuses = database.documents[EXCUSES]
        kept = await excuses.distinct("_id", of_student)
    if not dry_run:
        for key in kept:
            # The file first: without its excuse nobody would know whose it is.
            await files.delete(key)
        async with database.operation():
            await excuses.delete_many(of_student)
    return {"excuses": len(kept)}
