"""Many classes at once, for imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import UpdateOne

from quartapp import bulk_write, utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from quartapp import Database, Document


CLASSES_PER_READ = 500
_FIRST_ID = ObjectId("0" * 24)
_FIELDS = ("className", "teacherId", "sourcedId", "studentsIds")


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """A class and its roll as bulk work sees it.

    Attributes:
        id: Its ``_id``.
        name: Its name.
        teacher_id: Whose it is.
        sourced_id: Its identifier in the system it comes from; None for one made here.
        students_ids: Its roll.
    """

    id: ObjectId
    name: str
    teacher_id: ObjectId
    sourced_id: str | None
    students_ids: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class ClassChange:
    """What is to become of one class, new or not.

    Attributes:
        id: Its ``_id``; for a new class, one made by the caller.
        name: Its name from now on.
        teacher_id: Whose it is from now on.
        sourced_id: Its identifier in the system it comes from.
        added: Who comes on the roll, in this order; whoever is on it already stays in place.
        removed: Who leaves the roll. What was recorded of them stays.
    """

    id: ObjectId
    name: str
    teacher_id: ObjectId
    sourced_id: str
    added: list[ObjectId] = field(default_factory=list)
    removed: list[ObjectId] = field(default_factory=list)


class BulkClasses:
    """Classes by the thousand.

    No event is told: whoever imports says so once, instead of for every name on every roll.

    Args:
        database: Where they live.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[ClassEntry]]:
        """Every class, a few hundred at a time, by ``_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        last = _FIRST_ID
        while True:
            async with self._database.operation():
                cursor = self._database.documents["classes"].find(
                    {"_id": {"$gt": last}}, _FIELDS, sort=[("_id", 1)], limit=CLASSES_PER_READ
                )
                found = await cursor.to_list()
            if not found:
                return
            yield [_entry(document) for document in found]
            last = found[-1]["_id"]

    async def save(self, changes: Sequence[ClassChange]) -> list[ClassChange]:
        """Make or change classes: name, teacher and roll of each in one atomic write.

        The roll is changed, not replaced, so what a teacher does to it meanwhile is kept; its
        version grows. Repeating a write does no harm.

        Args:
            changes: A few hundred.

        Returns:
            Those that were not written, since the teacher has a class of that name, or another
            class has the ``sourced_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be written.
        """
        now = utc_now()
        async with self._database.operation():
            refused = await bulk_write(
                self._database.documents["classes"],
                [
                    UpdateOne({"_id": change.id}, [{"$set": _fields(change, now)}], upsert=True)
                    for change in changes
                ],
            )
        return [changes[index] for index in refused]


def _entry(document: Document) -> ClassEntry:
    return ClassEntry(
        document["_id"],
        document["className"],
        document["teacherId"],
        document.get("sourcedId"),
        tuple(document.get("studentsIds", ())),
    )


def _fields(change: ClassChange, now: datetime) -> Document:
    # Literals: a class may be called "$100 Startup", which would else be read as a path.
    roll: Document = {"$ifNull": ["$studentsIds", []]}
    version: Document = {"$ifNull": ["$rollVersion", 0]}
    if change.added or change.removed:
        leaving = {"$literal": change.removed}
        staying = {"$filter": {"input": roll, "cond": {"$not": {"$in": ["$$this", leaving]}}}}
        coming = {
            "$filter": {
                "input": {"$literal": change.added},
                "cond": {"$not": {"$in": ["$$this", roll]}},
            }
        }
        version = {"$add": [version, 1]}
        roll = {"$concatArrays": [staying, coming]}
    return {
        "className": {"$literal": change.name},
        "teacherId": change.teacher_id,
        "sourcedId": {"$literal": change.sourced_id},
        "studentsIds": roll,
        "rollVersion": version,
        "createdAt": {"$ifNull": ["$createdAt", now]},
        "updatedAt": now,
    }
