"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_attendance.live.states import LIVE

if TYPE_CHECKING:
    from quartapp import Database, Document

_RECORD = {"_id": 0, "studentId": 0, "seq": 0, "createdAt": 0, "updatedAt": 0}
_STARTED = dict.fromkeys(("classId", "date", "startedAt", "endedAt", "outcome", "note"), 1)


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return a person's records and live marks, and the roll calls that they started.

    Args:
        database: The database that has records and sessions.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key, mark = ObjectId(user_id), f"attendance.{user_id}"
    documents = database.documents
    async with database.operation():
        records = await documents["attendance"].find({"studentId": key}, _RECORD).to_list()
        sessions = documents["sessions"]
        dated = sessions.find({"_id": {"$in": [one["sessionId"] for one in records]}}, {"date": 1})
        dates = {session["_id"]: session.get("date") async for session in dated}
        live = await sessions.find(
            {"state": {"$in": list(LIVE)}, mark: {"$exists": True}}, {"classId": 1, mark: 1}
        ).to_list()
        started = await sessions.find({"teacherId": key}, _STARTED).sort("_id", 1).to_list()
    return {
        "records": [{"date": dates.get(one["sessionId"]), **one} for one in records],
        "marks": [_marked(session, user_id) for session in live],
        "started": started,
    }


def _marked(session: Document, user_id: str) -> Document:
    return {
        "sessionId": session["_id"],
        "classId": session["classId"],
        **session["attendance"][user_id],
    }


async def erase_person(database: Database, user_id: str, *, dry_run: bool) -> dict[str, int]:
    """Take notes, and the reasons of corrections, out of the records of a person.

    Args:
        database: The database that has the records.
        user_id: Id of the person.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Numbers of what is erased.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    of_student = {"studentId": ObjectId(user_id)}
    noted: Document = {**of_student, "note": {"$exists": True}}
    reasoned: Document = {**of_student, "history.reason": {"$type": "string"}}
    async with database.operation():
        records = database.documents["attendance"]
        numbers = {
            "notes": await records.count_documents(noted),
            "reasons": await records.count_documents(reasoned),
        }
        if not dry_run:
            await records.update_many(noted, {"$unset": {"note": ""}})
            await records.update_many(reasoned, {"$set": {"history.$[].reason": None}})
    return numbers
