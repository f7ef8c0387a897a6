"""The attendance records of ended sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import UpdateOne

from quartapp import bulk_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from quartapp import Database, Document, Principal


Key = tuple[ObjectId, ObjectId]

RECORDS_PER_WRITE = 1000
# Value of `via` in the record of a student without a mark.
UNMARKED = "unmarked"
# Each record is a stage of a pipeline, and MongoDB takes at most a thousand stages.
KEYS_PER_READ = 100


class Records:
    """The attendance records in the database.

    Args:
        database: The database that has the records.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest = database.joint_reads(self._read_latest, KEYS_PER_READ)

    async def keep(self, document: Document, final: dict[str, Document]) -> None:
        """Store a record for each mark; existing records stay as they are.

        Args:
            document: The session, ended.
            final: Marks by student id.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some records may be stored.
        """
        writes = [_record(document, student, mark) for student, mark in final.items()]
        records = self._database.documents["attendance"]
        for first in range(0, len(writes), RECORDS_PER_WRITE):
            async with self._database.operation():
                # Another process that finishes the same session may have stored some records first;
                # they are equal.
                await bulk_write(records, writes[first : first + RECORDS_PER_WRITE])

    async def latest_status(self, class_id: ObjectId, student: Principal) -> str | None:
        """Return the student's latest stored status in a class; None when there is none.

        Args:
            class_id: ``_id`` of the class.
            student: The student.
        """
        return await self._latest.get((ObjectId(student.id), class_id))

    async def _read_latest(self, wanted: set[Key]) -> dict[Key, str]:
        first, *others = (_latest_of(student, class_id) for student, class_id in wanted)
        records = self._database.documents["attendance"]
        found = await records.aggregate(
            [*first, *({"$unionWith": {"coll": records.name, "pipeline": o}} for o in others)]
        )
        return {
            (record["studentId"], record["classId"]): record["status"]
            for record in await found.to_list()
        }

    async def any_of(self, class_id: ObjectId) -> bool:
        """Tell whether a class has records.

        Args:
            class_id: ``_id`` of the class.
        """
        async with self._database.operation():
            records = self._database.documents["attendance"]
            return await records.find_one({"classId": class_id}, {"_id": 1}) is not None

    async def delete(self, class_id: ObjectId) -> None:
        """Delete the records of a class.

        Args:
            class_id: ``_id`` of the class.
        """
        async with self._database.operation():
            await self._database.documents["attendance"].delete_many({"classId": class_id})


def _latest_of(student: ObjectId, class_id: ObjectId) -> list[Document]:
    return [
        {"$match": {"studentId": student, "classId": class_id}},
        # By the order of the sessions: the clock of a server may have been set back. Records of
        # earlier versions have no number, and come last.
        {"$sort": {"seq": -1, "createdAt": -1, "_id": -1}},
        {"$limit": 1},
        {"$project": {"studentId": 1, "classId": 1, "status": 1}},
    ]


def final_marks(
    document: Document, roll: Iterable[str], chosen: Mapping[str, str]
) -> dict[str, Document]:
    """Return the marks of an ended session, with a mark for each student whom nobody marked.

    Args:
        document: The session.
        roll: Ids of the students on the roll.
        chosen: Statuses for unmarked students, by student id; other unmarked students are absent.
    """
    # A session that an earlier version was closing does not say who ended it.
    by = document.get("endedBy", document["teacherId"])
    unmarked = {"at": document["endedAt"], "by": by, "via": UNMARKED}
    absent = {"status": "absent", **unmarked}
    final = {**dict.fromkeys(roll, absent), **document["attendance"]}
    return final | {student: {"status": code, **unmarked} for student, code in chosen.items()}


def _record(document: Document, student: str, mark: Document) -> UpdateOne:
    ended: datetime = document["endedAt"]
    kept = {
        "classId": document["classId"],
        "status": mark["status"],
        "markedAt": mark["at"],
        "markedBy": mark["by"],
        "seq": document["seq"],
        "v": 1,
        "createdAt": ended,
        "updatedAt": ended,
    }
    if "via" in mark:
        kept["via"] = mark["via"]
    key = {"sessionId": document["_id"], "studentId": ObjectId(student)}
    return UpdateOne(key, {"$setOnInsert": kept}, upsert=True)
