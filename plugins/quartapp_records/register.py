"""Registers: the records of a class over a range of days, one row for each student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp_attendance import OUTCOMES, AttendanceRecord, Session
from quartapp_records.columns import FIRST_STATUS, NOT_ON_ROLL, UNMARKED, is_fresh, positions_of
from quartapp_records.models import Column, RegisterIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bson import ObjectId

    from quartapp import Database, Document
    from quartapp_records.columns import Columns, Positions

NOBODY_MARKED = ""
"""What a register says of a student who was on the roll, and whom nobody marked."""


@dataclass(frozen=True, slots=True)
class RegisterSession:
    """A session in a register.

    Attributes:
        id: ``_id`` of the session.
        date: Local date, as ``2026-12-31``.
        outcome: Outcome of the session.
    """

    id: ObjectId
    date: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Register:
    """A register.

    Attributes:
        sessions: The sessions, by date, start and ``_id``.
        rows: Statuses of each student, in the order of the sessions; None where the student was not
            on the roll, and an empty text where nobody marked them. Students without any place are
            left out.
    """

    sessions: Sequence[RegisterSession]
    rows: Mapping[ObjectId, Sequence[str | None]]


class Registers:
    """The registers of classes.

    Args:
        database: The database that has sessions, records and columns.
        columns: The columns.
    """

    def __init__(self, database: Database, columns: Columns) -> None:
        self._database = database
        self._columns = columns

    async def read(self, class_id: ObjectId, first: str, last: str) -> Register:
        """Return the register of a class, in one query if all columns are fresh.

        Args:
            class_id: ``_id`` of the class.
            first: First local date.
            last: Last local date.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        sessions, columns, index = await self._stored(class_id, first, last)
        positions = positions_of(index)
        cells: list[str | None] = []
        for session in sessions:
            column = columns.get(session["_id"])
            cells.append(column["cells"] if column is not None and is_fresh(column) else None)
        stale = [one["_id"] for one, found in zip(sessions, cells, strict=True) if found is None]
        if stale:
            built, positions = await self._from_records(class_id, stale)
            cells = [
                built[one["_id"]] if found is None else found
                for one, found in zip(sessions, cells, strict=True)
            ]
        shown = [RegisterSession(one["_id"], one["date"], one["state"]) for one in sessions]
        return Register(shown, _rows(positions, [found or "" for found in cells]))

    async def _stored(
        self, class_id: ObjectId, first: str, last: str
    ) -> tuple[list[Document], dict[ObjectId, Document], Document | None]:
        days = {"classId": class_id, "date": {"$gte": first, "$lte": last}}
        fields = {"date": 1, "startedAt": 1, "state": 1}
        async with self._database.operation():
            # The part about sessions reads an index alone.
            sessions = await self._database.documents[Session.collection()].aggregate(
                [
                    {"$match": {**days, "state": {"$in": list(OUTCOMES)}}},
                    {"$project": fields},
                    {"$unionWith": {"coll": Column.collection(), "pipeline": [{"$match": days}]}},
                    {
                        "$unionWith": {
                            "coll": RegisterIndex.collection(),
                            "pipeline": [{"$match": {"_id": class_id}}],
                        }
                    },
                ],
                # One batch, as each has a cost.
                batchSize=100_000,
            )
            found = await sessions.to_list()
        ended = [one for one in found if "state" in one]
        ended.sort(key=lambda one: (one["date"], one["startedAt"], one["_id"]))
        columns = {one["_id"]: one for one in found if "pending" in one}
        index = next((one for one in found if "students" in one), None)
        return ended, columns, index

    async def _from_records(
        self, class_id: ObjectId, session_ids: Collection[ObjectId]
    ) -> tuple[dict[ObjectId, str], Positions]:
        """Return columns that are made of records, and store those that nobody is changing."""
        async with self._database.operation():
            sessions = await (
                self._database.documents[Session.collection()]
                .find(
                    {"_id": {"$in": list(session_ids)}},
                    {"classId": 1, "date": 1, "startedAt": 1, "roll": 1},
                )
                .to_list()
            )
        for session in sessions:
            await self._columns.build(session)
        statuses = await self._statuses(session_ids)
        students = {student for marks in statuses.values() for student in marks}
        roll = {student for session in sessions for student in session.get("roll", ())}
        codes = {code for marks in statuses.values() for code in marks.values()}
        positions = await self._columns.positions(class_id, students | roll, codes)
        built = {
            session["_id"]: positions.cells(
                statuses.get(session["_id"], {}), session.get("roll", ())
            )
            for session in sessions
        }
        return built, positions

    async def _statuses(
        self, session_ids: Collection[ObjectId]
    ) -> dict[ObjectId, dict[ObjectId, str]]:
        found: dict[ObjectId, dict[ObjectId, str]] = {}
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()].find(
                {"sessionId": {"$in": list(session_ids)}},
                {"_id": 0, "sessionId": 1, "studentId": 1, "status": 1},
            )
            async for one in records:
                found.setdefault(one["sessionId"], {})[one["studentId"]] = one["status"]
        return found


def _rows(positions: Positions, columns: Sequence[str]) -> dict[ObjectId, list[str | None]]:
    meanings: dict[str, str | None] = {NOT_ON_ROLL: None, UNMARKED: NOBODY_MARKED}
    meanings |= {chr(FIRST_STATUS + place): code for place, code in enumerate(positions.codes)}
    width = len(positions.students)
    # Transposed as texts: a row without any place costs nothing more.
    padded = [column.ljust(width) for column in columns]
    rows: dict[ObjectId, list[str | None]] = {}
    for student, cells in zip(positions.students, zip(*padded, strict=True), strict=False):
        row = [meanings[cell] for cell in cells]
        if any(cell is not None for cell in row):
            rows[student] = row
    return rows
