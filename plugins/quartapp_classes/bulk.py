"""Reads and writes of many classes at once, for imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pymongo import UpdateOne

from quartapp import bulk_write, name_key, read_pages, utc_now
from quartapp_classes.teachers import CO_TEACHERS, Teachers
from quartapp_classes.writing import members_changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from bson import ObjectId

    from quartapp import Database, Document, Plugins


CLASSES_PER_READ = 500
_FIELDS = ("className", "teacherId", "sourcedId", "studentsIds", CO_TEACHERS)


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """A class and its roll, for bulk work.

    Attributes:
        id: ``_id`` of the class.
        name: Name of the class.
        teacher_id: Id of the teacher who owns the class.
        sourced_id: Identifier in the system that the class was imported from; None for a class made
            here.
        students_ids: Ids of the students on the roll.
        co_teachers: Id of each co-teacher, with the last day of a substitute as an ISO date.
    """

    id: ObjectId
    name: str
    teacher_id: ObjectId
    sourced_id: str | None
    students_ids: tuple[ObjectId, ...]
    co_teachers: tuple[tuple[ObjectId, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ClassChange:
    """The change of one class, new or existing.

    Attributes:
        id: ``_id`` of the class; the caller makes the one of a new class.
        name: New name of the class.
        teacher_id: Id of the teacher who is to own the class.
        sourced_id: Identifier in the system that the class is imported from.
        added: Ids of the students to put on the roll, in this order. Students who are on the roll
            keep their places.
        removed: Ids of the students to take off the roll. Their records stay.
        teachers_added: Ids of the co-teachers to add, without an end.
        teachers_removed: Ids of the co-teachers to remove.
    """

    id: ObjectId
    name: str
    teacher_id: ObjectId
    sourced_id: str
    added: list[ObjectId] = field(default_factory=list)
    removed: list[ObjectId] = field(default_factory=list)
    teachers_added: list[ObjectId] = field(default_factory=list)
    teachers_removed: list[ObjectId] = field(default_factory=list)


class BulkClasses:
    """Bulk reads and writes of classes.

    Plugins hear of no event from here: the caller calls :meth:`settle`, and tells them with
    ``Plugins.on_events``.

    Args:
        database: The database that has the classes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[ClassEntry]]:
        """Yield all classes in pages of a few hundred, sorted by ``_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async for page in read_pages(self._database, "classes", CLASSES_PER_READ, _FIELDS):
            yield [_entry(document) for document in page]

    async def taken(self, changes: Sequence[ClassChange]) -> list[ClassChange]:
        """Return the changes whose name another class of the teacher has now.

        Args:
            changes: A few hundred changes at most.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        wanted = {(c.teacher_id, name_key(c.name)): c for c in changes}
        names = [{"teacherId": teacher, "nameKey": key} for teacher, key in wanted]
        async with self._database.operation():
            found = await (
                self._database.documents["classes"]
                .find({"$or": names}, {"teacherId": 1, "nameKey": 1})
                .to_list()
            )
        holders = {(room["teacherId"], room["nameKey"]): room["_id"] for room in found}
        return [c for name, c in wanted.items() if holders.get(name, c.id) != c.id]

    async def save(self, changes: Sequence[ClassChange]) -> list[ClassChange]:
        """Create or change classes; write the name, teachers and roll of each class atomically.

        The roll is changed and not replaced, so concurrent changes by a teacher are kept. The
        version of the roll grows. Writes are safe to repeat.

        Args:
            changes: A few hundred changes at most.

        Returns:
            The changes that were not written because the teacher has another class with that name,
            or another class has the ``sourced_id``.

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

    async def settle(self, plugins: Plugins, changes: Sequence[ClassChange]) -> None:
        """Let plugins act on changed members; to be called after the transaction of :meth:`save`.

        Args:
            plugins: The plugins.
            changes: The changes that were written.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin failed in the hook ``members_changed``.
        """
        await members_changed(plugins, [change.id for change in changes])


def _entry(document: Document) -> ClassEntry:
    return ClassEntry(
        document["_id"],
        document["className"],
        document["teacherId"],
        document.get("sourcedId"),
        tuple(document.get("studentsIds", ())),
        tuple((other.user_id, other.until) for other in Teachers.of(document).others),
    )


def _fields(change: ClassChange, now: datetime) -> Document:
    # Literals: a class may be called "$100 Startup", which MongoDB would otherwise read as a path.
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
        "nameKey": {"$literal": name_key(change.name)},
        "teacherId": change.teacher_id,
        CO_TEACHERS: _co_teachers(change),
        "sourcedId": {"$literal": change.sourced_id},
        "studentsIds": roll,
        "rollVersion": version,
        "createdAt": {"$ifNull": ["$createdAt", now]},
        "updatedAt": now,
    }


def _co_teachers(change: ClassChange) -> Document:
    """Return the expression for the co-teachers after a change; a primary teacher is none."""
    present: Document = {"$ifNull": [f"${CO_TEACHERS}", []]}
    leaving = [*change.teachers_added, *change.teachers_removed, change.teacher_id]
    cond = {"$not": {"$in": ["$$other.userId", {"$literal": leaving}]}}
    staying = {"$filter": {"input": present, "as": "other", "cond": cond}}
    coming = [{"userId": user, "until": None} for user in change.teachers_added]
    return {"$concatArrays": [staying, {"$literal": coming}]}
