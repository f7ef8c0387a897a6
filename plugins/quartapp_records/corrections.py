"""Corrections of records: each is one update of the version that its author has seen."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp import DatabaseUnavailableError, DomainError, PreconditionFailedError, object_id
from quartapp_attendance import AttendanceRecord
from quartapp_records.access import WRITE
from quartapp_records.audited import corrected
from quartapp_records.errors import (
    NotOnSessionRollError,
    RecordChangedError,
    SetByOfficeError,
    StatusNotAllowedError,
)
from quartapp_records.happenings import RecordCorrected
from quartapp_records.history import entry_of, original_of
from quartapp_records.sessions import FIRST_VERSION, version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins, Principal
    from quartapp_records.access import Access, Author
    from quartapp_records.columns import Changing, Columns
    from quartapp_records.days import Days
    from quartapp_records.history import Histories
    from quartapp_records.sessions import SessionRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A change of one record.

    Attributes:
        student_id: Id of the student.
        status: Code of the new status.
        v: Version of the record that the author has seen, 0 for no record; None for any.
        reason: Reason of the change; None without one, which is enough on the day of the session.
        fields: Further fields to set, ``note`` and ``minutesLate``; None removes one.
        via: How the change was made; None when a person makes it by hand.
    """

    student_id: str
    status: str
    v: int | None = None
    reason: str | None = None
    fields: tuple[tuple[str, str | int | None], ...] = ()
    via: str | None = None


class Corrections:
    """The corrections of records.

    Args:
        database: The database that has the records.
        plugins: The plugins that receive events.
        clock: Clock for the times of corrections.
        sessions: The ended sessions.
        histories: The histories of records.
        columns: The columns of registers, which change with records.
        access: Who may change which records.
        days: Until when.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        sessions: SessionRecords,
        histories: Histories,
        columns: Columns,
        access: Access,
        days: Days,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._sessions = sessions
        self._histories = histories
        self._columns = columns
        self._access = access
        self._days = days

    async def correct(
        self,
        session_id: str,
        correction: Correction,
        principal: Principal,
        expected: Collection[str] | None = None,
    ) -> Document:
        """Change a record in the name of somebody, if they may.

        Args:
            session_id: ``_id`` of the session.
            correction: The change.
            principal: Whoever makes the change.
            expected: Versions that the caller accepts beside; None for any.

        Returns:
            The changed record.

        Raises:
            SessionNotFoundError: The session does not exist.
            SessionLiveError: The session has not ended.
            NotOwnerError: The principal may not change records of the class.
            RecordsLockedError: The day is locked.
            EditWindowOverError: The office alone may still change the record.
            ReasonNeededError: The day is over, and there is no reason.
            StatusNotAllowedError: The principal may not set the status.
            NotOnSessionRollError: The student has no record, and was not on the roll.
            SetByOfficeError: The office has set the record.
            PreconditionFailedError: The record has none of the versions in ``expected``.
            RecordChangedError: The record has another version than the correction expects.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session, author = await self.opened(session_id, principal)
        return await self.apply(session, correction, author, expected)

    async def opened(self, session_id: str, principal: Principal) -> tuple[Document, Author]:
        """Return an ended session whose records somebody may change, and what they may set.

        Args:
            session_id: ``_id`` of the session.
            principal: Whoever makes changes.

        Raises:
            SessionNotFoundError: The session does not exist.
            SessionLiveError: The session has not ended.
            NotOwnerError: The principal may not change records of the class.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session = await self._sessions.get(session_id)
        await self._access.class_for(str(session["classId"]), principal, WRITE)
        return session, self._access.author(principal)

    async def apply(
        self,
        session: Document,
        correction: Correction,
        author: Author,
        expected: Collection[str] | None = None,
    ) -> Document:
        """Change a record of a session; arguments and errors are as for :meth:`correct`.

        Args:
            session: The ended session.
            correction: The change.
            author: Whoever makes the change, who may change records of the class.
            expected: Versions that the caller accepts beside; None for any.

        Returns:
            The changed record.
        """
        # Whatever is refused leaves the column alone.
        checked = await self._checked(session, correction, author, expected)
        async with self._columns.changing(session) as changing:
            return await self._made(session, correction, author, expected, changing, checked)

    async def apply_each(
        self, session: Document, corrections: Sequence[Correction], author: Author
    ) -> list[Document | DomainError]:
        """Change several records of a session, each for itself.

        Args:
            session: The ended session.
            corrections: The changes, in their order.
            author: Whoever makes the changes, who may change records of the class.

        Returns:
            For each change the changed record, or the error as for :meth:`correct`.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some changes may be made.
        """
        answers: list[Document | DomainError] = []
        async with self._columns.changing(session) as changing:
            for correction in corrections:
                try:
                    checked = await self._checked(session, correction, author, None)
                    made = await self._made(session, correction, author, None, changing, checked)
                except DatabaseUnavailableError:
                    raise
                except DomainError as error:
                    answers.append(error)
                else:
                    answers.append(made)
        return answers

    async def _made(
        self,
        session: Document,
        correction: Correction,
        author: Author,
        expected: Collection[str] | None,
        changing: Changing,
        checked: tuple[ObjectId, Document | None],
    ) -> Document:
        while True:
            student, before = checked
            was_changed, changing.changed = changing.changed, True
            changed = await self._change(session, student, before, correction, author)
            if changed is not None:
                return changed
            # Somebody else was faster: the next look tells whether that matters.
            changing.changed = was_changed
            checked = await self._checked(session, correction, author, expected)

    async def _checked(
        self,
        session: Document,
        correction: Correction,
        author: Author,
        expected: Collection[str] | None,
    ) -> tuple[ObjectId, Document | None]:
        day = self._days.of(session)
        await self._days.check(day, office=author.office)
        self._days.check_reason(day, correction.reason)
        if correction.status not in author.statuses:
            raise StatusNotAllowedError
        student = object_id(correction.student_id)
        if student is None:
            raise NotOnSessionRollError
        before = await self._sessions.record(session["_id"], student, history=True)
        self._check(session, student, before, correction, author, expected)
        return student, before

    def _check(
        self,
        session: Document,
        student: ObjectId,
        before: Document | None,
        correction: Correction,
        author: Author,
        expected: Collection[str] | None,
    ) -> None:
        if before is None and student not in session.get("roll", ()):
            raise NotOnSessionRollError
        if before is not None and before.get("office") and not author.office:
            raise SetByOfficeError
        found = version_of(before)
        if expected is not None and str(found) not in expected:
            raise PreconditionFailedError
        if correction.v not in (None, found):
            raise RecordChangedError(before)

    async def _change(
        self,
        session: Document,
        student: ObjectId,
        before: Document | None,
        correction: Correction,
        author: Author,
    ) -> Document | None:
        event = RecordCorrected(
            str(session["_id"]),
            str(session["classId"]),
            str(student),
            None if before is None else before["status"],
            correction.status,
            version_of(before) + 1,
            author.id,
            correction.via,
        )
        at = self._clock.now()
        entry = entry_of(
            *(before, correction.status, at, author.id), correction.reason, correction.via
        )
        values = _values(correction, author, at, entry["v"])

        async def change() -> Document | None:
            # In a transaction, the database is another one.
            records = self._database.documents[AttendanceRecord.collection()]
            if before is None:
                return await _inserted(records, session, student, values, entry)
            return await _changed(records, before, values, entry)

        try:
            async with self._database.operation():
                changed = await self._plugins.changes.stored(
                    [event], change, audited=[corrected(event)]
                )
        except DuplicateKeyError:
            return None
        if changed is None:
            return None
        await self._plugins.on_event(event)
        # The correction is made all the same, and the next one shortens the history.
        with suppress(DatabaseUnavailableError):
            await self._histories.shorten(changed)
        return changed


def _values(correction: Correction, author: Author, at: object, v: int) -> Document:
    values: Document = {
        "status": correction.status,
        "markedAt": at,
        "markedBy": ObjectId(author.id),
        "updatedAt": at,
        "via": correction.via,
        "v": v,
        **dict(correction.fields),
    }
    return values | ({"office": True} if author.office else {})


async def _inserted(
    records: AsyncCollection[Document],
    session: Document,
    student: ObjectId,
    values: Document,
    entry: Document,
) -> Document:
    record = {
        "_id": ObjectId(),
        "sessionId": session["_id"],
        "studentId": student,
        "classId": session["classId"],
        "seq": session["seq"],
        "createdAt": session.get("endedAt", entry["at"]),
        **{name: value for name, value in values.items() if value is not None},
        "history": [entry],
    }
    await records.insert_one(record)
    return record


async def _changed(
    records: AsyncCollection[Document], before: Document, values: Document, entry: Document
) -> Document | None:
    v = version_of(before)
    # A record of an earlier version has none.
    versions = [v, None] if v == FIRST_VERSION else [v]
    first = [] if before.get("history") else [original_of(before)]
    removed = {name: "" for name, value in values.items() if value is None}
    return await records.find_one_and_update(
        {"_id": before["_id"], "v": {"$in": versions}},
        {
            "$set": {name: value for name, value in values.items() if value is not None},
            "$push": {"history": {"$each": [*first, entry]}},
            **({"$unset": removed} if removed else {}),
        },
        return_document=ReturnDocument.AFTER,
    )
