"""What an entry of the office does: it is carried into the records and roll calls of its day.

An entry is stored with an order (:class:`~quartapp_records.Orders`). What an entry has changed
already is found by the entry that a record names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from quartapp import DatabaseUnavailableError, DomainError
from quartapp_attendance import (
    OUTCOMES,
    AttendanceRecord,
    ConflictError,
    Mark,
    NoActiveSessionError,
    NotOnRollError,
    Session,
    SessionState,
)
from quartapp_office.errors import RollCallEndingError, StudentPresentError
from quartapp_records import Author, Correction, RecordChangedError, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bson import ObjectId

    from quartapp import Database, Document
    from quartapp_attendance import AttendanceService, StatusRegistry
    from quartapp_classes import Rolls
    from quartapp_records import Corrections, Orders

VIA = "office"
# Whoever carries an order out for longer has died: an entry has students and sessions in limits.
OVERDUE = timedelta(seconds=60)
_FIELDS = ("classId", "state", "date", "startedAt", "endedAt", "seq", "roll", "added", "finishedAt")

Key = tuple["ObjectId", "ObjectId"]


@dataclass(frozen=True, slots=True)
class EnteredSession:
    """What an entry did for a student in a session.

    Attributes:
        student_id: Id of the student.
        session_id: ``_id`` of the session; None for a student whom nobody knows.
        class_id: ``_id`` of the class; None for a student whom nobody knows.
        found: The changed record; None for a mark in a live roll call; or why nothing was changed.
    """

    student_id: str
    session_id: ObjectId | None
    class_id: ObjectId | None
    found: Document | DomainError | None


class Carrying:
    """Carries entries of the office into records and roll calls.

    Args:
        database: The database that has entries, sessions and records.
        orders: The orders of entries.
        attendance: Service of live roll calls.
        corrections: The corrections of records.
        rolls: Rolls of the classes.
        statuses: Statuses of the app.
        zone: Time zone of the institution; None for the machine's.
    """

    def __init__(
        self,
        database: Database,
        orders: Orders,
        attendance: AttendanceService,
        corrections: Corrections,
        rolls: Rolls,
        statuses: StatusRegistry,
        zone: ZoneInfo | None,
    ) -> None:
        self._database = database
        self._orders = orders
        self._attendance = attendance
        self._corrections = corrections
        self._rolls = rolls
        self._statuses = statuses
        self._zone = zone

    async def carry(self, entry: Document) -> list[EnteredSession]:
        """Carry an entry out, and take its order back.

        A session that does not settle leaves the order for a later call.

        Args:
            entry: The entry, with its order ``pending``.

        Returns:
            The outcome for each student and session, by session and student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found: dict[Key, EnteredSession] = {}
        if await self._orders.settled(lambda: self._round(entry, found)):
            await self._orders.take_back(entry)
        return [found[key] for key in sorted(found)]

    async def finish(self) -> None:
        """Carry out the orders that nobody has carried out in time.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._orders.finish(self.carry)

    async def mark(
        self, session: Document, student: ObjectId, entry: Document, *, first: bool = False
    ) -> None:
        """Mark a student in a live session.

        Args:
            session: The session as stored.
            student: ``_id`` of the student.
            entry: The entry.
            first: Whether any mark that is there stays.

        Raises:
            StudentPresentError: The student is marked as present.
            NotOnRollError: The student is not on the roll.
            NoActiveSessionError: The session is over.
            ConflictError: The mark has changed meanwhile.
            MarkRefusedError: A plugin refuses the mark.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        live = await self._attendance.live_session(session["_id"])
        before = live.marks.get(str(student))
        code = None if before is None else before.status
        if code == entry["status"] or (first and code is not None):
            return
        if code is not None and self._statuses.counts_as(code) == "present":
            raise StudentPresentError
        made = Mark(str(student), entry["status"], str(entry["by"]), VIA)
        await self._attendance.mark(live, made, code)

    def covers(self, entry: Document, session: Document) -> bool:
        """Tell whether an entry is for a session of its day.

        Args:
            entry: The entry as stored.
            session: The session as stored, with ``startedAt`` and ``added``.
        """
        first, last = entry.get("from"), entry.get("to")
        if first is None and last is None:
            return True
        # Nobody knows the time of a roll call that was entered after the event.
        if session.get("added"):
            return False
        start = local_time(session["startedAt"], self._zone)
        return (first or "") <= start and (last is None or start < last)

    async def _round(self, entry: Document, found: dict[Key, EnteredSession]) -> bool:
        """Look at each session once; return whether nothing is left to do."""
        settled = True
        for session in await self._sessions(entry):
            if session["state"] in OUTCOMES:
                await self._correct(session, entry, found)
            elif not await self._live(session, entry, found):
                settled = False
        return settled

    async def _live(
        self, session: Document, entry: Document, found: dict[Key, EnteredSession]
    ) -> bool:
        settled = True
        roll = (await self._rolls.now(session["classId"])).student_ids
        for student in entry["students"]:
            key = (session["_id"], student)
            if str(student) not in roll or (key in found and not _is_open(found[key])):
                continue
            outcome: DomainError | None = None
            try:
                if session["state"] == SessionState.CLOSING:
                    raise RollCallEndingError
                await self.mark(session, student, entry)
            except (NoActiveSessionError, ConflictError, RollCallEndingError):
                settled, outcome = False, RollCallEndingError()
            except NotOnRollError:
                continue
            except DatabaseUnavailableError:
                raise
            except DomainError as error:
                outcome = error
            found[key] = EnteredSession(str(student), *_keys(session), outcome)
        return settled

    async def _correct(
        self, session: Document, entry: Document, found: dict[Key, EnteredSession]
    ) -> None:
        records = await self._records(session["_id"], entry["students"])
        roll = () if "finishedAt" in session else session.get("roll", ())
        seen = {
            one["studentId"]: one["v"]
            for one in entry["pending"].get("seen", ())
            if one["sessionId"] == session["_id"]
        }
        asked: list[Correction] = []
        for student in entry["students"]:
            key, record = (session["_id"], student), records.get(student)
            if key in found and not _is_open(found[key]):
                continue
            if record is None and student not in roll:
                continue
            if record is not None and record.get("entry") == str(entry["_id"]):
                # A process that was killed has done it.
                ours = _is_ours(record, entry)
                done = record if ours else RecordChangedError(record)
                found[key] = EnteredSession(str(student), *_keys(session), done)
                continue
            if student not in seen and not self._is_undecided(record):
                unseen = RecordChangedError(record)
                found[key] = EnteredSession(str(student), *_keys(session), unseen)
                continue
            asked.append(_correction(entry, student, seen.get(student, version_of(record))))
        if not asked:
            return
        author = Author(str(entry["by"]), office=True, statuses=frozenset(self._statuses.codes))
        made = await self._corrections.apply_each(session, asked, author)
        for correction, outcome in zip(asked, made, strict=True):
            student = next(one for one in entry["students"] if str(one) == correction.student_id)
            found[session["_id"], student] = EnteredSession(
                correction.student_id, *_keys(session), outcome
            )

    def _is_undecided(self, record: Document | None) -> bool:
        """Tell whether a record is as the end of the roll call left an absence."""
        if record is None:
            return True
        return version_of(record) == 1 and self._statuses.counts_as(record["status"]) == "absent"

    async def _sessions(self, entry: Document) -> list[Document]:
        order, documents = entry["pending"], self._database.documents
        query: dict[str, Any] = {"_id": {"$in": order.get("sessions", [])}}
        if order.get("all"):
            classes: set[ObjectId] = set()
            for student in entry["students"]:
                classes |= await self._rolls.classes_of(str(student))
            async with self._database.operation():
                records = documents[AttendanceRecord.collection()]
                # An index alone is read.
                classes |= set(
                    await records.distinct("classId", {"studentId": {"$in": entry["students"]}})
                )
            query = {"classId": {"$in": sorted(classes)}, "date": entry["date"]}
        query["state"] = {"$ne": SessionState.CANCELLED}
        async with self._database.operation():
            found = documents[Session.collection()].find(query, dict.fromkeys(_FIELDS, 1))
            sessions = await found.sort([("startedAt", 1), ("_id", 1)]).to_list()
        return [session for session in sessions if self.covers(entry, session)]

    async def _records(
        self, session: ObjectId, students: list[ObjectId]
    ) -> Mapping[ObjectId, Document]:
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            query = {"sessionId": session, "studentId": {"$in": students}}
            found = await records.find(query, {"history": 0}).to_list()
        return {record["studentId"]: record for record in found}


def local_time(moment: datetime, zone: ZoneInfo | None) -> str:
    """Return the local time of a moment, such as ``09:45``.

    Args:
        moment: The moment.
        zone: Time zone of the institution; None for the machine's.
    """
    return moment.astimezone(zone).strftime("%H:%M")


def _correction(entry: Document, student: ObjectId, v: int) -> Correction:
    return Correction(
        student_id=str(student),
        status=entry["status"],
        v=v,
        reason=entry["reason"],
        fields=(("entry", str(entry["_id"])),),
        via=VIA,
    )


def _is_ours(record: Document, entry: Document) -> bool:
    return bool(record["status"] == entry["status"] and record.get("via") == VIA)


def _is_open(outcome: EnteredSession) -> bool:
    return isinstance(outcome.found, RollCallEndingError)


def _keys(session: Document) -> tuple[ObjectId, ObjectId]:
    return session["_id"], session["classId"]
