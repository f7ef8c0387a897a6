"""What an accepted excuse does: absences in its days become excused, in records and roll calls.

An accepted excuse is stored with an order (:class:`~quartapp_records.Orders`). What an excuse has
changed already is excused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from quartapp import DatabaseUnavailableError, DomainError
from quartapp_attendance import (
    OUTCOMES,
    AttendanceRecord,
    ConflictError,
    Mark,
    NoActiveSessionError,
    Session,
    SessionState,
)
from quartapp_excuses.models import EXCUSES, ExcuseState
from quartapp_records import (
    Author,
    Correction,
    EditWindowOverError,
    RecordChangedError,
    RecordsLockedError,
    SetByOfficeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bson import ObjectId

    from quartapp import Database, Document
    from quartapp_attendance import AttendanceService, StatusRegistry
    from quartapp_classes import Rolls
    from quartapp_records import Corrections, Orders

log = structlog.get_logger("quartapp.excuses")

VIA = "excuse"
# Whoever carries an order out for longer has died, or waits for a session without an end.
OVERDUE = timedelta(seconds=10)
LOCKED, LATE, BY_OFFICE, OTHER = (
    "records are locked",
    "too late for teachers",
    "set by the office",
    "record cannot be changed",
)
_REASONS: dict[type[DomainError], str] = {
    RecordsLockedError: LOCKED,
    EditWindowOverError: LATE,
    SetByOfficeError: BY_OFFICE,
}
_FIELDS = ("classId", "state", "date", "startedAt", "endedAt", "seq", "roll")


@dataclass(slots=True)
class Outcome:
    """What was done for an excuse.

    Attributes:
        excused: Number of sessions in which the student is excused.
        unchanged: Sessions whose records could not be changed, each with the reason.
        is_settled: Whether nothing is left to do.
    """

    excused: int = 0
    unchanged: list[Document] = field(default_factory=list)
    is_settled: bool = True


class Applying:
    """Carries accepted excuses into roll calls and records.

    Args:
        database: The database that has excuses, sessions and records.
        orders: The orders of excuses.
        attendance: Service of live roll calls.
        corrections: The corrections of records.
        rolls: Rolls of the classes.
        statuses: Statuses of the app.
        status: Code of the status that an excuse gives.
    """

    def __init__(
        self,
        database: Database,
        orders: Orders,
        attendance: AttendanceService,
        corrections: Corrections,
        rolls: Rolls,
        statuses: StatusRegistry,
        status: str,
    ) -> None:
        self._database = database
        self._orders = orders
        self._attendance = attendance
        self._corrections = corrections
        self._rolls = rolls
        self._statuses = statuses
        self._status = status

    async def apply(self, excuse: Document) -> None:
        """Carry an accepted excuse out, and take its order back.

        A session that does not settle leaves the order for a later call.

        Args:
            excuse: The excuse, with its order ``pending``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        order = excuse["pending"]
        only = None if order.get("all") else order["sessions"]
        outcome = Outcome()

        async def look() -> bool:
            nonlocal outcome
            outcome = await self._round(excuse, only)
            return outcome.is_settled

        if await self._orders.settled(look):
            await self._settle(excuse, outcome, whole=only is None)

    async def finish(self) -> None:
        """Carry out the orders that nobody has carried out in time.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._orders.finish(self.apply)

    async def order(self, session: Document, students: Iterable[ObjectId]) -> list[Document]:
        """Order that accepted excuses are carried into one session, and return those excuses.

        Args:
            session: The session.
            students: Ids of the students whose records may be new.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        wanted = covering(str(session["date"]), students)
        await self._orders.add(wanted, session["_id"])
        async with self._database.operation():
            excuses = self._database.documents[EXCUSES]
            return await excuses.find({**wanted, "pending": {"$exists": True}}).to_list()

    async def mark(self, session: Document, excuse: Document) -> bool:
        """Mark a student as excused in a live session, unless somebody knows better.

        Args:
            session: The session, with the student's mark.
            excuse: The excuse.

        Returns:
            Whether the student is excused now, or rightly is not; False when the session has
            changed, so that it has to be looked at again.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        student = str(excuse["studentId"])
        before = session.get("attendance", {}).get(student)
        if before is not None and not self._is_older(before, excuse):
            return True
        made = Mark(student, self._status, str(excuse["decidedBy"]), VIA)
        try:
            live = await self._attendance.live_session(session["_id"])
            await self._attendance.mark(live, made, before and before["status"])
        except (NoActiveSessionError, ConflictError):
            return False
        except DatabaseUnavailableError:
            raise
        except DomainError as error:
            # The student has left the class, or a plugin refuses the mark.
            log.info("no mark for an excuse", excuse=str(excuse["_id"]), reason=str(error))
        return True

    def _is_older(self, mark: Document, excuse: Document) -> bool:
        """Tell whether a mark is an absence from before the decision."""
        code = mark["status"]
        is_absence = code != self._status and self._statuses.counts_as(code) == "absent"
        return is_absence and mark["at"] < excuse["decidedAt"]

    async def _round(self, excuse: Document, only: list[ObjectId] | None) -> Outcome:
        outcome, student = Outcome(), excuse["studentId"]
        sessions = await self._sessions(excuse, only)
        ended = [session for session in sessions if session["state"] in OUTCOMES]
        records = await self._records(student, [session["_id"] for session in ended])
        for session in sessions:
            if session["state"] == SessionState.CLOSING:
                outcome.is_settled = False
            elif session["state"] == SessionState.ACTIVE:
                if await self.mark(session, excuse):
                    outcome.excused += 1
                else:
                    outcome.is_settled = False
            elif (record := records.get(session["_id"])) is not None:
                await self._correct(session, record, excuse, outcome)
        return outcome

    async def _correct(
        self, session: Document, record: Document | None, excuse: Document, outcome: Outcome
    ) -> None:
        reason = f"excuse {excuse['_id']}"
        author = Author(
            str(excuse["decidedBy"]), office=excuse["office"], statuses=frozenset({self._status})
        )
        while record is not None:
            code = record["status"]
            if code == self._status:
                outcome.excused += 1
                return
            if self._statuses.counts_as(code) != "absent" or any(
                entry.get("reason") == reason for entry in record.get("history", ())
            ):
                # The student was there; or somebody has changed what this excuse gave.
                return
            correction = Correction(
                student_id=str(excuse["studentId"]),
                status=self._status,
                v=record.get("v") or 1,
                reason=reason,
                via=VIA,
            )
            try:
                await self._corrections.apply(session, correction, author)
            except RecordChangedError as error:
                record = error.current
            except DatabaseUnavailableError:
                raise
            except DomainError as error:
                message = _REASONS.get(type(error), OTHER)
                outcome.unchanged.append({"sessionId": session["_id"], "error": message})
                return
            else:
                outcome.excused += 1
                return

    async def _sessions(self, excuse: Document, only: list[ObjectId] | None) -> list[Document]:
        student: ObjectId = excuse["studentId"]
        documents = self._database.documents
        mark = f"attendance.{student}"
        classes = await self._rolls.classes_of(str(student))
        async with self._database.operation():
            if only is None:
                records = documents[AttendanceRecord.collection()]
                classes |= set(await records.distinct("classId", {"studentId": student}))
            query: dict[str, Any] = {
                "classId": {"$in": sorted(classes)},
                "date": {"$gte": excuse["from"], "$lte": excuse["to"]},
            }
            if only is not None:
                query = {"_id": {"$in": only}}
            fields = {**dict.fromkeys(_FIELDS, 1), mark: 1}
            found = documents[Session.collection()].find(query, fields)
            return await found.sort([("date", 1), ("startedAt", 1)]).to_list()

    async def _records(
        self, student: ObjectId, sessions: list[ObjectId]
    ) -> dict[ObjectId, Document]:
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            found = await records.find(
                {"studentId": student, "sessionId": {"$in": sessions}}
            ).to_list()
        return {record["sessionId"]: record for record in found}

    async def _settle(self, excuse: Document, outcome: Outcome, *, whole: bool) -> None:
        change: Document = {}
        if whole:
            change["$set"] = {"excused": outcome.excused, "unchanged": outcome.unchanged}
        elif outcome.excused or outcome.unchanged:
            change["$inc"] = {"excused": outcome.excused}
            change["$push"] = {"unchanged": {"$each": outcome.unchanged}}
        await self._orders.take_back(excuse, change)


def covering(day: str, students: Iterable[ObjectId]) -> Document:
    """Return the query for accepted excuses of students that cover a day.

    Args:
        day: Local day in ISO 8601.
        students: Ids of the students.
    """
    return {
        "studentId": {"$in": list(students)},
        "state": ExcuseState.ACCEPTED,
        "from": {"$lte": day},
        "to": {"$gte": day},
    }
