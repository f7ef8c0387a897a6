"""Sessions that are entered or completed after the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from quartapp import Attempt, bulk_write
from quartapp_attendance import UNMARKED, AttendanceRecord, Session, SessionInfo, SessionState
from quartapp_records.access import WRITE
from quartapp_records.audited import ADDED, CANCELLED, FINISHED
from quartapp_records.errors import (
    NothingToFinishError,
    NotOnSessionRollError,
    RollUnknownError,
    StatusNotAllowedError,
)
from quartapp_records.happenings import SessionAdded, SessionCancelled, SessionFinished
from quartapp_records.sessions import CUT_OFF, FIRST_VERSION, UNREAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import AuditEntry, Clock, Database, Document, Plugins, Principal
    from quartapp_attendance import AttendanceService, StatusRegistry
    from quartapp_classes import ClassRoom, Rolls
    from quartapp_records.access import Access, Author
    from quartapp_records.columns import Columns
    from quartapp_records.corrections import Corrections
    from quartapp_records.days import Days

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted of one student in a roll call that is entered after the event.

    Attributes:
        student_id: Id of the student.
        status: Code of the status.
        note: Note; None without one.
    """

    student_id: str
    status: str
    note: str | None = None


class LaterSessions:
    """The entry and completion of sessions after the event.

    Args:
        database: The database that has the sessions.
        plugins: The plugins that receive events.
        clock: Clock for the times of entries.
        rolls: Rolls of the classes.
        attendance: Service of roll calls, which chooses statuses of the unmarked.
        statuses: Statuses of the app.
        corrections: The corrections of records, which open sessions for changes.
        columns: The columns of registers, which change with records.
        access: Who may enter sessions.
        days: Until when.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        rolls: Rolls,
        attendance: AttendanceService,
        statuses: StatusRegistry,
        corrections: Corrections,
        columns: Columns,
        access: Access,
        days: Days,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._rolls = rolls
        self._attendance = attendance
        self._statuses = statuses
        self._corrections = corrections
        self._columns = columns
        self._access = access
        self._days = days

    async def add(
        self,
        class_id: str,
        day: date,
        noted: Sequence[Noted],
        principal: Principal,
        *,
        note: str | None = None,
        attempt: Attempt | None = None,
    ) -> Document:
        """Enter a roll call after the event.

        The students that are named get records, and nobody else does: who was on the roll on an
        earlier day is known by whoever has the list.

        Args:
            class_id: ``_id`` of the class.
            day: Local date of the lesson.
            noted: What was noted, of each student once.
            principal: Whoever enters the roll call.
            note: Note about the session; None without one.
            attempt: The try that this call is; None for the first and only one.

        Returns:
            The session.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The principal may not change records of the class.
            FutureDateError: The date lies in the future.
            EarlyDateError: The date lies before 1970.
            RecordsLockedError: The day is locked.
            EditWindowOverError: The office alone may still enter the roll call.
            StatusNotAllowedError: The principal may not set a status.
            NotOnSessionRollError: A student is not on the roll, and was not in earlier sessions.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        class_room, author = await self._open(class_id, day, principal)
        if any(one.status not in author.statuses for one in noted):
            raise StatusNotAllowedError
        await self._check_students(class_room, {ObjectId(one.student_id) for one in noted})
        session = self._document(class_room, day, author, attempt or Attempt(), note)
        session["summary"] = self._statuses.tally(one.status for one in noted)
        records = [_first_record(session, one, author) for one in noted]
        event = SessionAdded(str(session["_id"]), str(class_room.id), session["date"], author.id)
        entry = ADDED.entry(author.id, about=_about(session), after={"date": session["date"]})
        return await self._stored(session, records, event, [entry])

    async def cancel(
        self,
        class_id: str,
        day: date,
        reason: str,
        principal: Principal,
        *,
        attempt: Attempt | None = None,
    ) -> Document:
        """Enter a lesson that was cancelled.

        Args:
            class_id: ``_id`` of the class.
            day: Local date of the lesson.
            reason: Reason, which the session keeps as its note.
            principal: Whoever enters it.
            attempt: The try that this call is; None for the first and only one.

        Returns:
            The session, without records.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The principal may not change records of the class.
            FutureDateError: The date lies in the future.
            EarlyDateError: The date lies before 1970.
            RecordsLockedError: The day is locked.
            EditWindowOverError: The office alone may still enter it.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        class_room, author = await self._open(class_id, day, principal)
        session = self._document(class_room, day, author, attempt or Attempt(), reason)
        session |= {"state": SessionState.CANCELLED, "outcome": SessionState.CANCELLED}
        event = SessionCancelled(
            str(session["_id"]), str(class_room.id), session["date"], author.id
        )
        entry = CANCELLED.entry(author.id, about=_about(session), after={"date": session["date"]})
        return await self._stored(session, [], event, [entry])

    async def finish(self, session_id: str, principal: Principal) -> Document:
        """Give records to the unmarked of a superseded or expired session, as ``DONE`` would.

        A repeated call changes nothing.

        Args:
            session_id: ``_id`` of the session.
            principal: Whoever finishes the session.

        Returns:
            The session.

        Raises:
            SessionNotFoundError: The session does not exist.
            SessionLiveError: The session has not ended.
            NotOwnerError: The principal may not change records of the class.
            NothingToFinishError: The session was closed or cancelled.
            RollUnknownError: Nobody knows who was on the roll.
            RecordsLockedError: The day is locked.
            EditWindowOverError: The office alone may still finish the session.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session, author = await self._corrections.opened(session_id, principal)
        if session["outcome"] not in CUT_OFF:
            raise NothingToFinishError
        if "finishedAt" in session:
            return session
        if "roll" not in session:
            raise RollUnknownError
        await self._days.check(self._days.of(session), office=author.office)
        async with self._columns.changing(session) as changing:
            records = await self._of_unmarked(session, author)
            changing.changed = True
            return await self._finished(session, records, author)

    async def _of_unmarked(self, session: Document, author: Author) -> list[UpdateOne]:
        found = self._database.documents[AttendanceRecord.collection()]
        async with self._database.operation():
            marked = set(await found.distinct("studentId", {"sessionId": session["_id"]}))
        unmarked = [student for student in session["roll"] if student not in marked]
        chosen = await self._attendance.statuses_of_unmarked(
            SessionInfo.of(session), map(str, unmarked)
        )
        fields = {
            "markedAt": self._clock.now(),
            "markedBy": ObjectId(author.id),
            "via": UNMARKED,
            **({"office": True} if author.office else {}),
        }
        return [
            _inserted(session, student, {"status": chosen[str(student)], **fields})
            for student in unmarked
        ]

    async def _finished(
        self, session: Document, records: Sequence[UpdateOne], author: Author
    ) -> Document:
        event = SessionFinished(str(session["_id"]), str(session["classId"]), author.id)
        values = {"finishedAt": self._clock.now(), "finishedBy": ObjectId(author.id)}

        async def change() -> Document | None:
            await self._write(records)
            return await self._sessions.find_one_and_update(
                {"_id": session["_id"], "finishedAt": None},
                {"$set": values},
                UNREAD,
                return_document=ReturnDocument.AFTER,
            )

        async with self._database.operation():
            finished = await self._plugins.changes.stored(
                [event], change, audited=[FINISHED.entry(author.id, about=_about(session))]
            )
        if finished is None:
            return await self._again(session)
        await self._plugins.on_event(event)
        return finished

    async def _open(
        self, class_id: str, day: date, principal: Principal
    ) -> tuple[ClassRoom, Author]:
        class_room = await self._access.class_for(class_id, principal, WRITE)
        author = self._access.author(principal)
        self._days.check_date(day)
        await self._days.check(day.isoformat(), office=author.office)
        return class_room, author

    async def _check_students(self, class_room: ClassRoom, students: set[ObjectId]) -> None:
        roll = await self._rolls.now(class_room.id)
        others = [student for student in students if str(student) not in roll.student_ids]
        if not others:
            return
        # Somebody who has left the class may have been there.
        found = self._database.documents[AttendanceRecord.collection()]
        query = {"classId": class_room.id, "studentId": {"$in": others}}
        async with self._database.operation():
            known = await found.distinct("studentId", query)
        if len(known) < len(others):
            raise NotOnSessionRollError

    def _document(
        self, class_room: ClassRoom, day: date, author: Author, attempt: Attempt, note: str | None
    ) -> Document:
        now = self._clock.now()
        start = self._days.moment_of(day, now)
        by = ObjectId(author.id)
        return {
            "_id": attempt.id,
            "classId": class_room.id,
            "className": class_room.class_name,
            "teacherId": by,
            "slot": str(class_room.id),
            "state": SessionState.CLOSED,
            "outcome": SessionState.CLOSED,
            # A student's newest record is that of the latest lesson, and not of the last entry.
            "seq": int(start.timestamp() * MICROSECONDS),
            "startedAt": start,
            "endedAt": now,
            "endedBy": by,
            "date": day.isoformat(),
            "rollVersion": None,
            "attendance": {},
            "added": True,
            **({} if note is None else {"note": note}),
        }

    async def _stored(
        self,
        session: Document,
        records: Sequence[UpdateOne],
        event: object,
        audited: Sequence[AuditEntry],
    ) -> Document:

        async def change() -> Document:
            await self._write(records)
            await self._sessions.insert_one(session)
            return session

        try:
            async with self._database.operation():
                await self._plugins.changes.stored([event], change, audited=audited)
        except DuplicateKeyError:
            # An earlier try of the same request has stored the session.
            return await self._again(session)
        await self._plugins.on_event(event)
        return session

    async def _write(self, records: Sequence[UpdateOne]) -> None:
        if records:
            await bulk_write(self._database.documents[AttendanceRecord.collection()], records)

    async def _again(self, session: Document) -> Document:
        async with self._database.operation():
            return await self._sessions.find_one({"_id": session["_id"]}, UNREAD) or session

    @property
    def _sessions(self) -> AsyncCollection[Document]:
        # Never kept: in a transaction, the database is another one.
        return self._database.documents[Session.collection()]


def _first_record(session: Document, noted: Noted, author: Author) -> UpdateOne:
    fields: Document = {
        "status": noted.status,
        "markedAt": session["endedAt"],
        "markedBy": session["endedBy"],
        **({} if noted.note is None else {"note": noted.note}),
        **({"office": True} if author.office else {}),
    }
    return _inserted(session, ObjectId(noted.student_id), fields)


def _inserted(session: Document, student: ObjectId, fields: Document) -> UpdateOne:
    at: datetime = fields["markedAt"]
    return UpdateOne(
        {"sessionId": session["_id"], "studentId": student},
        {
            "$setOnInsert": {
                "classId": session["classId"],
                "seq": session["seq"],
                "v": FIRST_VERSION,
                "createdAt": at,
                "updatedAt": at,
                **fields,
            }
        },
        upsert=True,
    )


def _about(session: Document) -> Document:
    return {"session": session["_id"], "class": session["classId"]}
