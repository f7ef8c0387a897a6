"""The records of one day, of all classes, as the office reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_attendance import OUTCOMES, AttendanceRecord, Session, SessionState
from quartapp_records.columns import FIRST_STATUS, is_fresh, positions_of
from quartapp_records.models import Column, RegisterIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bson import ObjectId

    from quartapp import Database, Document

_FIELDS = {"classId": 1, "startedAt": 1, "endedAt": 1, "added": 1}
HELD = tuple(state for state in OUTCOMES if state != SessionState.CANCELLED)


class DayRecords:
    """The sessions of a day that have ended, and their records.

    Args:
        database: The database that has sessions, records and columns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self, day: str) -> dict[ObjectId, Document]:
        """Return the sessions of a day that have ended and were not cancelled, by ``_id``.

        Args:
            day: Local date, as ``2026-12-31``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = self._database.documents[Session.collection()].find(
                {"date": day, "state": {"$in": list(HELD)}}, _FIELDS
            )
            return {one["_id"]: one async for one in found}

    async def marked(
        self, sessions: Mapping[ObjectId, Document], codes: Collection[str]
    ) -> dict[ObjectId, set[ObjectId]]:
        """Return the sessions in which students have one of some statuses, by student.

        Three queries, however many sessions there are: columns are read where they are fresh, and
        the records of the other sessions.

        Args:
            sessions: The sessions, by ``_id``.
            codes: Codes of the statuses.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        documents = self._database.documents
        found: dict[ObjectId, set[ObjectId]] = {}
        async with self._database.operation():
            columns = documents[Column.collection()].find({"_id": {"$in": list(sessions)}})
            fresh = [column for column in await columns.to_list() if is_fresh(column)]
            # The indexes are read later than the columns, so they know each character.
            classes = {"_id": {"$in": list({column["classId"] for column in fresh})}}
            indexes = {
                one["_id"]: one async for one in documents[RegisterIndex.collection()].find(classes)
            }
        known = [column for column in fresh if column["classId"] in indexes]
        for column in known:
            for student in _students(column, indexes[column["classId"]], codes):
                found.setdefault(student, set()).add(column["_id"])
        others = list(sessions.keys() - {column["_id"] for column in known})
        if others:
            query = {"sessionId": {"$in": others}, "status": {"$in": list(codes)}}
            async with self._database.operation():
                records = documents[AttendanceRecord.collection()].find(
                    query, {"_id": 0, "sessionId": 1, "studentId": 1}
                )
                async for record in records:
                    found.setdefault(record["studentId"], set()).add(record["sessionId"])
        return found

    async def records(
        self, sessions: Collection[ObjectId], students: Collection[ObjectId]
    ) -> list[Document]:
        """Return records of students in sessions, each with the last entry of its history.

        Args:
            sessions: ``_id`` of each session.
            students: ``_id`` of each student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query = {"sessionId": {"$in": list(sessions)}, "studentId": {"$in": list(students)}}
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            return await records.find(query, {"history": {"$slice": -1}}).to_list()


def _students(column: Document, index: Document, codes: Collection[str]) -> Sequence[ObjectId]:
    """Return the students who have one of some statuses in a column."""
    positions = positions_of(index)
    wanted = {
        chr(FIRST_STATUS + place) for place, code in enumerate(positions.codes) if code in codes
    }
    return [
        student
        for student, cell in zip(positions.students, column["cells"], strict=False)
        if cell in wanted
    ]
