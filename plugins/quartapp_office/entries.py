"""Statuses that the office enters for many students at once, for a day or a part of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument

from quartapp import Attempt, object_id
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes import StudentNotFoundError
from quartapp_office.audited import ENTERED, WITHDRAWN
from quartapp_office.carrying import EnteredSession
from quartapp_office.errors import EarlyEntryError, EntryNotFoundError, FarEntryError
from quartapp_office.happenings import AbsencesEntered, AbsencesWithdrawn
from quartapp_office.models import ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins, Principal
    from quartapp_auth import People
    from quartapp_office.carrying import Carrying

LISTED = 100
# Numbers of sessions are microseconds since 1970.
FIRST_DAY = date(1970, 1, 2)
AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the office enters.

    Attributes:
        day: The local day.
        student_ids: Ids of the students, each once.
        status: Code of the status.
        reason: Reason, trimmed.
        first: Local time from which sessions have to begin, such as ``09:45``; None for any.
        last: Local time before which sessions have to begin; None for any.
        seen: Versions of records that the office has seen, by the ids of session and student.
    """

    day: date
    student_ids: Sequence[str]
    status: str
    reason: str
    first: str | None = None
    last: str | None = None
    seen: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered, and what became of it.

    Attributes:
        entry: The entry as stored; it stands for roll calls that are still to come.
        outcomes: What was done for each student and session.
    """

    entry: Document
    outcomes: Sequence[EnteredSession]


class DayEntries:
    """The entries of the office.

    Args:
        database: The database that has the entries.
        plugins: The plugins that receive events.
        clock: Clock for the times of entries.
        people: Names and roles of people.
        carrying: What changes marks and records.
        local_day: Function that returns the present local date.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        people: People,
        carrying: Carrying,
        local_day: Callable[[], date],
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._people = people
        self._carrying = carrying
        self._local_day = local_day

    async def enter(
        self, principal: Principal, wanted: Wanted, *, attempt: Attempt | None = None
    ) -> Entered:
        """Give students a status in all their sessions of a day.

        A record is changed if nobody has decided on it: it counts as absent and nobody has
        corrected it, or the student has none. Every other record is changed in the version in
        ``seen`` alone. Roll calls of the day that begin later have the mark from their beginning.

        Args:
            principal: Whoever enters it, of the office.
            wanted: What is entered.
            attempt: The try that this call is; None for the first and only one.

        Returns:
            The entry, and the outcome of each student and session.

        Raises:
            EarlyEntryError: The day lies before 1970.
            FarEntryError: The day lies more than a year ahead.
            StudentNotFoundError: None of the students exists.
            DatabaseUnavailableError: MongoDB did not answer in time. What is stored is finished
                within two minutes.
        """
        if wanted.day < FIRST_DAY:
            raise EarlyEntryError
        if wanted.day - self._local_day() > AHEAD:
            raise FarEntryError
        attempt = attempt or Attempt()
        students, unknown = await self._students(wanted.student_ids)
        if not students:
            raise StudentNotFoundError
        entry = self._document(attempt.id, principal, wanted, students)
        event = AbsencesEntered(
            *(str(attempt.id), entry["date"], tuple(map(str, students)), wanted.status),
            principal.id,
        )
        audited = [
            ENTERED.entry(principal.id, about=_about(entry, student), after=_values(entry))
            for student in students
        ]
        kept = await self._database.one(ENTRIES, {"_id": attempt.id}) if attempt.repeated else None
        if kept is None:
            await self._plugins.changes.stored(
                [event], lambda: self._inserted(entry), audited=audited
            )
            await self._plugins.on_event(event)
        outcomes = await self._carrying.carry(entry)
        stored = await self._database.one(ENTRIES, {"_id": attempt.id})
        return Entered(stored or entry, [*outcomes, *unknown])

    async def page(
        self, day: date, limit: int | None = None, after: str | None = None
    ) -> list[Document]:
        """Return the entries of a day, in the order in which they were made.

        Args:
            day: The local day.
            limit: Largest number of entries; None for ``LISTED``.
            after: ``_id`` of the entry behind which the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {"date": day.isoformat()}
        if after is not None:
            query["_id"] = {"$gt": object_id(after)}
        async with self._database.operation():
            return await self._stored.find(query).sort("_id", 1).limit(limit or LISTED).to_list()

    async def withdraw(self, principal: Principal, entry_id: str, student_id: str) -> Document:
        """Let an entry stand for a student no longer; what it has changed stays.

        Args:
            principal: Whoever withdraws it, of the office.
            entry_id: ``_id`` of the entry.
            student_id: Id of the student.

        Returns:
            The entry with the students that are left; without students, it is gone.

        Raises:
            EntryNotFoundError: There is no such entry, or not for the student.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key, student = object_id(entry_id), object_id(student_id)
        query = {"_id": key, "students": student}
        found = None
        if key is not None and student is not None:
            found = await self._database.one(ENTRIES, query)
        if found is None or student is None:
            raise EntryNotFoundError
        event = AbsencesWithdrawn(str(key), found["date"], str(student), principal.id)

        async def change() -> Document | None:
            async with self._database.operation():
                left = await self._stored.find_one_and_update(
                    query, {"$pull": {"students": student}}, return_document=ReturnDocument.AFTER
                )
                if left is not None and not left["students"]:
                    await self._stored.delete_one({"_id": key, "students": []})
            return left

        entry = WITHDRAWN.entry(principal.id, about=_about(found, student), before=_values(found))
        left = await self._plugins.changes.stored([event], change, audited=[entry])
        if left is None:
            raise EntryNotFoundError
        await self._plugins.on_event(event)
        return left

    async def _students(
        self, student_ids: Sequence[str]
    ) -> tuple[list[ObjectId], list[EnteredSession]]:
        found: list[ObjectId] = []
        unknown: list[EnteredSession] = []
        for student_id in student_ids:
            try:
                user = await self._people.get(student_id)
            except UserNotFoundError:
                user = None
            if user is not None and user.role == BaseRole.STUDENT:
                found.append(user.id)
            else:
                unknown.append(EnteredSession(student_id, None, None, StudentNotFoundError()))
        return found, unknown

    def _document(
        self, key: ObjectId, principal: Principal, wanted: Wanted, students: list[ObjectId]
    ) -> Document:
        now = self._clock.now()
        seen = [
            {"sessionId": ObjectId(session), "studentId": ObjectId(student), "v": v}
            for (session, student), v in wanted.seen.items()
        ]
        times = {"from": wanted.first, "to": wanted.last}
        return {
            "_id": key,
            "date": wanted.day.isoformat(),
            **{name: value for name, value in times.items() if value is not None},
            "students": students,
            "status": wanted.status,
            "reason": wanted.reason,
            "by": ObjectId(principal.id),
            "at": now,
            "pending": {"since": now, "all": True, "sessions": [], "seen": seen},
        }

    async def _inserted(self, entry: Document) -> bool:
        async with self._database.operation():
            # A repetition after an answer that was lost finds its own entry.
            await self._stored.update_one(
                {"_id": entry["_id"]}, {"$setOnInsert": entry}, upsert=True
            )
        return True

    @property
    def _stored(self) -> AsyncCollection[Document]:
        # In a transaction, the database is another one.
        return self._database.documents[ENTRIES]


def _about(entry: Document, student: ObjectId) -> Document:
    return {"entry": entry["_id"], "student": student}


def _values(entry: Document) -> dict[str, str]:
    return {"date": entry["date"], "status": entry["status"]}
