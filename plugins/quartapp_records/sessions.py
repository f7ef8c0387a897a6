"""The sessions that are over, and their records, as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import object_id
from quartapp_attendance import OUTCOMES, AttendanceRecord, Session, SessionState
from quartapp_records.columns import is_fresh, positions_of
from quartapp_records.errors import SessionLiveError, SessionNotFoundError
from quartapp_records.models import Column, RegisterIndex

if TYPE_CHECKING:
    from collections.abc import Collection

    from bson import ObjectId

    from quartapp import Database, Document

LISTED = 100
# A live session has thousands of marks, which its records repeat.
UNREAD = {"attendance": 0, "signal": 0, "packed": 0, "refs": 0}
FIRST_VERSION = 1
CUT_OFF = (SessionState.SUPERSEDED, SessionState.EXPIRED)


class SessionRecords:
    """The ended sessions and their records, to be read.

    Args:
        database: The database that has sessions and records.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, session_id: str) -> Document:
        """Return an ended session.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            SessionNotFoundError: The session does not exist.
            SessionLiveError: The session has not ended.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = object_id(session_id)
        found = None
        if key is not None:
            found = await self._database.one(Session.collection(), {"_id": key}, UNREAD)
        if found is None:
            raise SessionNotFoundError
        if found["state"] not in OUTCOMES:
            raise SessionLiveError
        return found

    async def page(
        self,
        class_id: ObjectId,
        first: str | None = None,
        last: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        *,
        newest_first: bool = False,
    ) -> list[Document]:
        """Return ended sessions of a class, sorted by date, start and ``_id``.

        Args:
            class_id: ``_id`` of the class.
            first: First local date; None for no limit.
            last: Last local date; None for no limit.
            limit: Largest number of sessions; None for ``LISTED``.
            after: ``_id`` of the session after which the list starts; None for the beginning.
            newest_first: Whether the order is the other way round.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {"classId": class_id, "state": {"$in": list(OUTCOMES)}}
        days = {name: day for name, day in (("$gte", first), ("$lte", last)) if day is not None}
        if days:
            query["date"] = days
        sessions = self._database.documents[Session.collection()]
        async with self._database.operation():
            if after is not None:
                mark = await sessions.find_one(
                    {"_id": object_id(after), "classId": class_id}, {"date": 1, "startedAt": 1}
                )
                if mark is None:
                    return []
                query["$or"] = _behind(mark, newest_first=newest_first)
            way = -1 if newest_first else 1
            order = [("date", way), ("startedAt", way), ("_id", way)]
            found = sessions.find(query, UNREAD).sort(order).limit(limit or LISTED)
            return await found.to_list()

    async def unfinished(
        self, class_ids: Collection[ObjectId], first: str, last: str
    ) -> list[Document]:
        """Return the sessions that were cut off and not finished since, the latest first.

        Args:
            class_ids: ``_id`` of each class.
            first: First local date.
            last: Last local date.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {
            "classId": {"$in": list(class_ids)},
            "date": {"$gte": first, "$lte": last},
            "state": {"$in": list(CUT_OFF)},
            "finishedAt": None,
            # Without a roll, nobody knows who is unmarked.
            "roll": {"$exists": True},
        }
        order = [("date", -1), ("startedAt", -1), ("_id", -1)]
        sessions = self._database.documents[Session.collection()]
        async with self._database.operation():
            return await sessions.find(query, UNREAD).sort(order).to_list()

    async def records(
        self, session_id: ObjectId, students: Collection[ObjectId] | None = None
    ) -> list[Document]:
        """Return the records of a session, without their histories.

        Args:
            session_id: ``_id`` of the session.
            students: Ids of the students; None for all.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {"sessionId": session_id}
        if students is not None:
            query["studentId"] = {"$in": list(students)}
        async with self._database.operation():
            found = self._database.documents[AttendanceRecord.collection()]
            return await found.find(query, {"history": 0}).to_list()

    async def record(
        self, session_id: ObjectId, student_id: ObjectId, *, history: bool = False
    ) -> Document | None:
        """Return one record; None when there is none.

        Args:
            session_id: ``_id`` of the session.
            student_id: ``_id`` of the student.
            history: Whether to read its history too.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query = {"sessionId": session_id, "studentId": student_id}
        fields = None if history else {"history": 0}
        return await self._database.one(AttendanceRecord.collection(), query, fields)

    async def counts(self, session_ids: Collection[ObjectId]) -> dict[ObjectId, dict[str, int]]:
        """Return the numbers of records by status, of sessions that have records.

        Args:
            session_ids: ``_id`` of each session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        counts = await self._counted(session_ids)
        others = [session_id for session_id in session_ids if session_id not in counts]
        if not others:
            return counts
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            found = await records.aggregate(
                [
                    {"$match": {"sessionId": {"$in": others}}},
                    {
                        "$group": {
                            "_id": {"session": "$sessionId", "status": "$status"},
                            "number": {"$sum": 1},
                        }
                    },
                ]
            )
            async for group in found:
                key = group["_id"]
                counts.setdefault(key["session"], {})[key["status"]] = group["number"]
        return counts

    async def _counted(self, session_ids: Collection[ObjectId]) -> dict[ObjectId, dict[str, int]]:
        """Return the counts of those sessions whose columns are fresh."""
        documents = self._database.documents
        async with self._database.operation():
            wanted = {"_id": {"$in": list(session_ids)}}
            columns = await documents[Column.collection()].find(wanted).to_list()
            fresh = [column for column in columns if is_fresh(column)]
            # The indexes are read later than the columns, so they know each character.
            classes = {"_id": {"$in": list({column["classId"] for column in fresh})}}
            indexes = documents[RegisterIndex.collection()].find(classes, {"codes": 1})
            positions = {index["_id"]: positions_of(index) async for index in indexes}
        return {
            column["_id"]: positions[column["classId"]].counted(column["cells"])
            for column in fresh
            if column["classId"] in positions
        }


def version_of(record: Document | None) -> int:
    """Return the version of a record; 0 where there is none.

    Args:
        record: The record as stored. One that an earlier version has stored counts as version 1.
    """
    return 0 if record is None else int(record.get("v") or FIRST_VERSION)


def _behind(mark: Document, *, newest_first: bool) -> list[Document]:
    """Return the alternatives of the query for sessions behind another in the order of a list."""
    day, start = mark.get("date"), mark["startedAt"]
    past = "$lt" if newest_first else "$gt"
    # Sessions without a date, of servers of an earlier version beside this one, are the earliest.
    if newest_first:
        other_days = [] if day is None else [{past: day}, None]
    else:
        other_days = [{"$ne": None} if day is None else {past: day}]
    return [
        *({"date": other} for other in other_days),
        {"date": day, "startedAt": {past: start}},
        {"date": day, "startedAt": start, "_id": {past: mark["_id"]}},
    ]
