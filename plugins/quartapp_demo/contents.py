"""The contents of the database, read from MongoDB directly instead of through the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo import AsyncMongoClient

if TYPE_CHECKING:
    from datetime import datetime

    from pymongo.asynchronous.database import AsyncDatabase

DATABASE = "quartapp"


@dataclass(frozen=True, slots=True)
class Record:
    """The attendance record of one student.

    Attributes:
        student_id: Id of the student.
        name: Display name of the student.
        status: ``present`` or ``absent``.
        marked_at: Time of the mark, in UTC.
    """

    student_id: str
    name: str
    status: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of the database.

    Attributes:
        version: Version of MongoDB.
        documents: Number of documents in each collection, by the collection's name.
        records: Attendance records of the class, sorted by the student's name.
    """

    version: str
    documents: dict[str, int]
    records: list[Record]


async def read_contents(mongodb: str, class_id: str) -> Contents:
    """Read the contents of the database.

    Args:
        mongodb: URI of MongoDB.
        class_id: Id of the class whose records are read.
    """
    client: AsyncMongoClient[dict[str, Any]]  # Any: documents
    async with AsyncMongoClient(mongodb, tz_aware=True) as client:
        database: AsyncDatabase[dict[str, Any]] = client[DATABASE]
        names = sorted(await database.list_collection_names())
        documents = {
            name: await database[name].count_documents({})
            for name in names
            if not name.startswith("system.")
        }
        people = {each["_id"]: each["displayName"] async for each in database["users"].find()}
        kept = database["attendance"].find({"classId": ObjectId(class_id)})
        records = [
            Record(
                str(each["studentId"]), people[each["studentId"]], each["status"], each["markedAt"]
            )
            async for each in kept
        ]
        version = (await client.server_info())["version"]
    return Contents(version, documents, sorted(records, key=lambda record: record.name))
