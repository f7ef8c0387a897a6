"""The records of one student in several classes, from the columns of their registers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from quartapp_attendance import OUTCOMES, AttendanceRecord, Session
from quartapp_records.columns import FIRST_STATUS, NOT_ON_ROLL, UNMARKED
from quartapp_records.models import Column, RegisterIndex
from quartapp_records.register import NOBODY_MARKED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from bson import ObjectId

    from quartapp import Database, Document
    from quartapp_records.register import Registers

# Each class is a stage of a pipeline, and MongoDB takes at most a thousand stages.
CLASSES_PER_READ = 100
# What the query says of a column that is not believed.
STALE = ""
_DAY = len("2026-12-31")
# Up to here, a character of a column is a byte, which MongoDB finds without counting.
_BYTES = 0x80


class StudentRegisters:
    """The records of single students.

    Args:
        database: The database that has sessions, records and columns.
        registers: The registers of the classes, which have what no fresh column says.
    """

    def __init__(self, database: Database, registers: Registers) -> None:
        self._database = database
        self._registers = registers

    async def classes_of(self, student_id: ObjectId) -> list[ObjectId]:
        """Return the ids of the classes in which a student has records.

        Args:
            student_id: ``_id`` of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            return await records.distinct("classId", {"studentId": student_id})

    async def read(
        self,
        student_id: ObjectId,
        class_ids: Collection[ObjectId],
        first: date | None = None,
        last: date | None = None,
    ) -> dict[ObjectId, list[tuple[str, str]]]:
        """Return local dates and statuses of a student, in the order of each class's sessions.

        Sessions before the student was on the roll are left out; where nobody has marked the
        student, the status is an empty text.

        Args:
            student_id: ``_id`` of the student.
            class_ids: ``_id`` of each class.
            first: First day; None for no limit.
            last: Last day; None for no limit.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        days = _days(first, last)
        found: dict[ObjectId, list[tuple[str, str]]] = {}
        wanted = list(class_ids)
        for begin in range(0, len(wanted), CLASSES_PER_READ):
            classes = wanted[begin : begin + CLASSES_PER_READ]
            for class_id, cells in (await self._columns(student_id, classes, days)).items():
                found[class_id] = (
                    await self._plainly(student_id, class_id, first, last)
                    if cells is None
                    else cells
                )
        return found

    async def _columns(
        self, student_id: ObjectId, class_ids: Sequence[ObjectId], days: Document
    ) -> dict[ObjectId, list[tuple[str, str]] | None]:
        """Return what the columns of each class say; None for a class with one that is stale."""
        indexes = await self._indexes(student_id, class_ids)
        columns, ended = await asyncio.gather(
            self._cells(indexes, days), self._ended(class_ids, days)
        )
        # A session whose column nobody has built yet is missing, and its class is not known.
        whole = ended == sum(map(len, columns.values()))
        found: dict[ObjectId, list[tuple[str, str]] | None] = {}
        for class_id in class_ids:
            cells = columns.get(class_id, [])
            codes = indexes[class_id]["codes"] if class_id in indexes else ()
            found[class_id] = _told(cells, codes) if whole else None
        return found

    async def _indexes(
        self, student_id: ObjectId, class_ids: Sequence[ObjectId]
    ) -> dict[ObjectId, Document]:
        async with self._database.operation():
            found = await self._database.documents[RegisterIndex.collection()].aggregate(
                [
                    {"$match": {"_id": {"$in": list(class_ids)}}},
                    {
                        "$project": {
                            "codes": 1,
                            "place": {"$indexOfArray": ["$students", student_id]},
                        }
                    },
                ]
            )
            return {one["_id"]: one async for one in found}

    async def _cells(
        self, indexes: Mapping[ObjectId, Document], days: Document
    ) -> dict[ObjectId, list[str]]:
        """Return the date and the student's character of each column, in the order of sessions."""
        if not indexes:
            return {}
        name = Column.collection()
        one, *others = (_of_class(class_id, index, days) for class_id, index in indexes.items())
        unions = ({"$unionWith": {"coll": name, "pipeline": other}} for other in others)
        async with self._database.operation():
            found = await self._database.documents[name].aggregate([*one, *unions])
            return {each["_id"]: each["cells"] async for each in found}

    async def _ended(self, class_ids: Sequence[ObjectId], days: Document) -> int:
        """Return the number of sessions that have ended; an index alone is read."""
        # An index of dates finds nothing without one of them.
        dates = days or {"date": {"$gt": ""}}
        ended = {"classId": {"$in": list(class_ids)}, **dates, "state": {"$in": list(OUTCOMES)}}
        async with self._database.operation():
            sessions = self._database.documents[Session.collection()]
            found = await sessions.aggregate([{"$match": ended}, {"$count": "number"}])
            return sum([one["number"] async for one in found])

    async def _plainly(
        self, student_id: ObjectId, class_id: ObjectId, first: date | None, last: date | None
    ) -> list[tuple[str, str]]:
        begin = "" if first is None else first.isoformat()
        # Behind every date.
        end = "~" if last is None else last.isoformat()
        register = await self._registers.read(class_id, begin, end)
        row = register.rows.get(student_id, ())
        return [
            (session.date, status)
            for session, status in zip(register.sessions, row, strict=False)
            if status is not None
        ]


def _days(first: date | None, last: date | None) -> Document:
    ends = {"$gte": first, "$lte": last}
    limits = {name: day.isoformat() for name, day in ends.items() if day is not None}
    return {"date": limits} if limits else {}


def _of_class(class_id: ObjectId, index: Document, days: Document) -> list[Document]:
    """Return the pipeline for one student's places in the columns of a class."""
    single = FIRST_STATUS + len(index["codes"]) <= _BYTES
    part = "$substrBytes" if single else "$substrCP"
    # A student without a position is on no roll of these sessions.
    cell: Any = {part: ["$cells", index["place"], 1]} if index["place"] >= 0 else ""
    fresh = {"$and": [{"$eq": ["$pending", []]}, {"$gt": ["$startedAt", None]}]}
    told = {"$cond": [fresh, {"$concat": ["$date", cell]}, STALE]}
    return [
        {"$match": {"classId": class_id, **days}},
        {"$sort": {"classId": 1, "date": 1, "startedAt": 1, "_id": 1}},
        {"$group": {"_id": "$classId", "cells": {"$push": told}}},
    ]


def _told(cells: Sequence[str], codes: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return dates and statuses; None where they are not known."""
    meanings = {chr(FIRST_STATUS + place): code for place, code in enumerate(codes)}
    meanings[UNMARKED] = NOBODY_MARKED
    found = []
    for cell in cells:
        character = cell[_DAY:]
        if character in meanings:
            found.append((cell[:_DAY], meanings[character]))
        # A column ends behind the last student who has a place.
        elif cell == STALE or character not in {"", NOT_ON_ROLL}:
            return None
    return found
