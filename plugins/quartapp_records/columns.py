"""Columns of registers: what the records of a session say, one character for each student.

A column is a copy, and proves itself. Whoever changes records first adds a token to ``pending``,
then makes the change, then builds the column anew and takes the token out. A column with tokens, or
without ``cells``, is not believed: its records are read. So a process may be killed anywhere.

``n`` grows with each token and each build, and a build is stored only if ``n`` is what it was
before the records were read. So no build overwrites a later one, or one that knows a later change.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from bson import ObjectId
from pymongo import ReturnDocument

from quartapp import DatabaseUnavailableError
from quartapp_attendance import AttendanceRecord
from quartapp_records.models import Column, RegisterIndex

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document
    from quartapp_records.days import Days

log = structlog.get_logger("quartapp.records")

NOT_ON_ROLL = " "
UNMARKED = "-"
# Behind it come the statuses, in the order in which the class met them.
FIRST_STATUS = ord("0")
# Whoever holds a token for longer is dead, or has given up: operations have limits of seconds.
OLD = timedelta(minutes=10)
# In a burst of changes, a build may be overtaken each time. Then its token stays, and registers
# read the records until a later build.
TRIES = 5


@dataclass(slots=True)
class Changing:
    """A change of records that is under way.

    Attributes:
        changed: Whether records were, or may have been, changed.
    """

    changed: bool = False


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of a class's students in its columns, and the characters of its statuses.

    Attributes:
        students: Ids of the students, by position.
        codes: Codes of statuses, by character.
    """

    students: Sequence[ObjectId]
    codes: Sequence[str]

    def cells(self, statuses: Mapping[ObjectId, str], roll: Iterable[ObjectId]) -> str:
        """Return a column.

        Args:
            statuses: Codes by student.
            roll: Ids of students who were on the roll, and may have no record.
        """
        characters = {code: chr(FIRST_STATUS + place) for place, code in enumerate(self.codes)}
        unmarked = set(roll)
        found = [
            characters[statuses[student]]
            if student in statuses
            else (UNMARKED if student in unmarked else NOT_ON_ROLL)
            for student in self.students
        ]
        return "".join(found).rstrip(NOT_ON_ROLL)

    def counted(self, cells: str) -> dict[str, int]:
        """Return the number of each status in a column.

        Args:
            cells: The column.
        """
        numbers = Counter(cells)
        codes = ((chr(FIRST_STATUS + place), code) for place, code in enumerate(self.codes))
        return {code: numbers[character] for character, code in codes if numbers[character]}


class Columns:
    """The columns of all sessions.

    Args:
        database: The database that has the columns.
        clock: Clock that tells the age of tokens.
        days: The rules about days, which know the date of a session.
    """

    def __init__(self, database: Database, clock: Clock, days: Days) -> None:
        self._database = database
        self._clock = clock
        self._days = days
        self._readers: list[str] = []

    def note_for(self, reader: str) -> None:
        """Note each change of records for a reader of changes; see :class:`ChangedRecords`.

        Args:
            reader: Name of the reader.
        """
        if reader not in self._readers:
            self._readers.append(reader)

    @asynccontextmanager
    async def changing(self, session: Document) -> AsyncIterator[Changing]:
        """Return the context of a change of a session's records.

        The block sets ``changed``. After a block of unknown outcome, the token stays.

        Args:
            session: The ended session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        token, change = ObjectId(), Changing()
        async with self._database.operation():
            await self._columns.update_one(
                {"_id": session["_id"]},
                {
                    "$push": {"pending": {"token": token, "at": self._clock.now()}},
                    "$inc": {"n": 1},
                    "$setOnInsert": self._head(session),
                    **self._noted(),
                },
                upsert=True,
            )
        try:
            yield change
        except DatabaseUnavailableError:
            raise
        except Exception:
            await self._let_go(session, token, changed=change.changed)
            raise
        await self._let_go(session, token, changed=change.changed)

    async def build(self, session: Document) -> bool:
        """Build the column of a session from its records, and take out old tokens.

        Args:
            session: The ended session.

        Returns:
            Whether the column was stored.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return await self._build(session, None)

    async def positions(
        self, class_id: ObjectId, students: Iterable[ObjectId], codes: Iterable[str]
    ) -> Positions:
        """Return the positions of a class, with places for students and statuses.

        Args:
            class_id: ``_id`` of the class.
            students: Ids of students who need a position.
            codes: Codes of statuses that need a character.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = await self._indexes.find_one_and_update(
                {"_id": class_id},
                [
                    {
                        "$set": {
                            "students": _appended("$students", list(students)),
                            "codes": _appended("$codes", list(codes)),
                        }
                    }
                ],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return positions_of(found)

    async def delete(self, class_id: ObjectId) -> None:
        """Delete the columns of a class.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._columns.delete_many({"classId": class_id})
            await self._indexes.delete_one({"_id": class_id})

    async def cells_of(self, session: Document) -> tuple[Positions, str]:
        """Return the column of a session, from its records.

        Args:
            session: The ended session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            found = records.find({"sessionId": session["_id"]}, {"studentId": 1, "status": 1})
            statuses = {one["studentId"]: one["status"] async for one in found}
        roll = session.get("roll", ())
        positions = await self.positions(
            session["classId"], {*statuses, *roll}, set(statuses.values())
        )
        return positions, positions.cells(statuses, roll)

    async def _let_go(self, session: Document, token: ObjectId, *, changed: bool) -> None:
        try:
            if changed:
                await self._build(session, token)
                return
            # Nothing was changed, so the column is as true as before.
            async with self._database.operation():
                await self._columns.update_one(
                    {"_id": session["_id"]}, {"$pull": {"pending": {"token": token}}}
                )
        except DatabaseUnavailableError as error:
            # The change is made all the same, and the token stays: the records are read.
            log.warning(
                "a column waits to be built", session=str(session["_id"]), reason=str(error)
            )

    async def _build(self, session: Document, token: ObjectId | None) -> bool:
        # Who reads changes has seen no record of a session without a column.
        unread = {"unread": self._readers} if self._readers else {}
        for _ in range(TRIES):
            async with self._database.operation():
                seen = await self._columns.find_one_and_update(
                    {"_id": session["_id"]},
                    {"$setOnInsert": {**self._head(session), "n": 0, "pending": [], **unread}},
                    {"n": 1},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            _, cells = await self.cells_of(session)
            dead = [
                {"token": token},
                {"at": {"$lt": self._clock.now() - OLD}},
            ]
            async with self._database.operation():
                stored = await self._columns.update_one(
                    {"_id": session["_id"], "n": (seen or {}).get("n")},
                    {
                        "$set": {"cells": cells, "startedAt": session["startedAt"]},
                        "$inc": {"n": 1},
                        "$pull": {"pending": {"$or": dead}},
                        # A reader may have come between the token and the change.
                        **(self._noted() if token is not None else {}),
                    },
                )
            if stored.matched_count:
                return True
        return False

    def _noted(self) -> Document:
        return {"$addToSet": {"unread": {"$each": self._readers}}} if self._readers else {}

    def _head(self, session: Document) -> Document:
        return {"classId": session["classId"], "date": self._days.of(session)}

    @property
    def _columns(self) -> AsyncCollection[Document]:
        return self._database.documents[Column.collection()]

    @property
    def _indexes(self) -> AsyncCollection[Document]:
        return self._database.documents[RegisterIndex.collection()]


def positions_of(index: Document | None) -> Positions:
    """Return the positions that the index of a class has.

    Args:
        index: The index as stored; None for a class without one.
    """
    found = index or {}
    return Positions(found.get("students", []), found.get("codes", []))


def is_fresh(column: Document | None) -> bool:
    """Tell whether a column says what the records say.

    Args:
        column: The column as stored; None where there is none.
    """
    # An earlier version has stored no start, by which the columns of a day are sorted.
    return (
        column is not None and "cells" in column and "startedAt" in column and not column["pending"]
    )


def _appended(field: str, values: list[object]) -> Document:
    """Return the expression for a list with those values behind it that it lacks."""
    kept = {"$ifNull": [field, []]}
    return {"$concatArrays": [kept, {"$setDifference": [{"$literal": values}, kept]}]}
