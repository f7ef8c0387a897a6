"""What is in MongoDB, asked of MongoDB itself and not of the server."""

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
    """One student's record.

    Attributes:
        student_id: Whose it is.
        name: The student's name as it was typed.
        status: ``present`` or ``absent``.
        marked_at: When, in UTC.
    """

    student_id: str
    name: str
    status: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the database holds.

    Attributes:
        version: MongoDB's version.
        documents: Documents in each collection, by its name.
        records: The records of the class, by name of the student.
    """

    version: str
    documents: dict[str, int]
    records: list[Record]


async def holdings(mongodb: str, class_id: str) -> Holdings:
    """Read the database.

    Args:
        mongodb: ``host:port``.
        class_id: The class whose records are wanted.
    """
    uri = f"mongodb://{mongodb}/?directConnection=true"
    client: AsyncMongoClient[dict[str, Any]]  # Any: documents
    async with AsyncMongoClient(uri, tz_aware=True) as client:
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
    return Holdings(version, documents, sorted(records, key=lambda record: record.name))
