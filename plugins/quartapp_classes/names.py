"""The keys that make the names of classes unique, for classes that were stored without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pymongo import UpdateOne

from quartapp import bulk_write, name_key

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Database, Document

log = structlog.get_logger("quartapp.classes")

KEYS = "the names of a teacher's classes are unique by a key, without regard to case and form"
CLASSES_PER_WRITE = 1000
# Nobody types this character, so no new class has the key of a second one.
_SEPARATOR = "\x1f"
_EARLIER_INDEX = "teacherId_1_className_1"


async def give_keys(database: Database) -> None:
    """Give classes the keys of their names, and drop the index that compared by a collation.

    Where two classes of a teacher have one key, both stay with their names. The older one keeps the
    key. The other one gets a key of its own until it is renamed: it is found by its id, and not by
    its name.

    Args:
        database: The database that has the classes.
    """
    classes = database.documents["classes"]
    async with database.operation():
        if _EARLIER_INDEX in await classes.index_information():
            await classes.drop_index(_EARLIER_INDEX)
    while True:
        async with database.operation():
            found = await classes.find({"nameKey": None}, {"className": 1}).to_list(
                CLASSES_PER_WRITE
            )
        if not found:
            break
        keys = {document["_id"]: name_key(document["className"]) for document in found}
        # An index is there only if the migration is repeated late.
        refused = await _write(database, keys)
        await _write(database, {key: _parted(keys[key], key) for key in refused})
    await _part(database)


async def _part(database: Database) -> None:
    """Give all but the oldest class of a teacher and a key other keys."""
    same: list[Document] = [
        {"$sort": {"_id": 1}},
        {
            "$group": {
                "_id": {"teacher": "$teacherId", "key": "$nameKey"},
                "ids": {"$push": "$_id"},
            }
        },
        {"$match": {"ids.1": {"$exists": True}}},
    ]
    async with database.operation():
        found = await (await database.documents["classes"].aggregate(same)).to_list()
    for group in found:
        first, *others = group["ids"]
        log.warning(
            "classes of a teacher have one name, and the first is found by it",
            teacher=str(group["_id"]["teacher"]),
            first=str(first),
            others=[str(other) for other in others],
        )
        key = group["_id"]["key"]
        await _write(database, {other: _parted(key, other) for other in others})


def _parted(key: str, class_id: ObjectId) -> str:
    return f"{key}{_SEPARATOR}{class_id}"


async def _write(database: Database, keys: dict[ObjectId, str]) -> list[ObjectId]:
    """Store keys, and return the classes whose keys were refused as others have them."""
    if not keys:
        return []
    ids = list(keys)
    writes = [UpdateOne({"_id": one}, {"$set": {"nameKey": keys[one]}}) for one in ids]
    async with database.operation():
        refused = await bulk_write(database.documents["classes"], writes)
    return [ids[index] for index in refused]
