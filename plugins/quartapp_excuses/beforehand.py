"""Excuses that are accepted before a roll call, or before its records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_attendance import AttendanceRecord, Session
from quartapp_classes import ClassNotFoundError
from quartapp_excuses.applying import covering
from quartapp_excuses.models import EXCUSES, ExcuseState

if TYPE_CHECKING:
    from quartapp import Clock, Database, Document
    from quartapp_attendance import SessionInfo
    from quartapp_classes import Rolls
    from quartapp_excuses.applying import Applying

# DONE asks for each unmarked student by turns. A decision that comes meanwhile waits for the end of
# the session, and then corrects the record.
REMEMBERED_SECONDS = 2.0


class Beforehand:
    """Brings accepted excuses into sessions that begin, and into records that are made.

    Args:
        database: The database that has the excuses.
        clock: Clock that measures how long an answer is remembered.
        rolls: Rolls of the classes.
        applying: What makes marks and records excused.
        status: Code of the status that an excuse gives.
    """

    def __init__(
        self, database: Database, clock: Clock, rolls: Rolls, applying: Applying, status: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._rolls = rolls
        self._applying = applying
        self._status = status
        # The session asked for last, and when.
        self._asked: tuple[str, float] = ("", 0.0)
        self._excused: set[str] = set()

    async def begun(self, session_id: str) -> None:
        """Mark the excused students of a session that has begun.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session = await self._session(session_id)
        if session is None:
            return
        try:
            roll = await self._rolls.now(session["classId"])
        except ClassNotFoundError:
            return
        students = map(ObjectId, roll.student_ids)
        async with self._database.operation():
            wanted = covering(str(session["date"]), students)
            found = await self._database.documents[EXCUSES].find(wanted).to_list()
        for excuse in {excuse["studentId"]: excuse for excuse in found}.values():
            # Whoever calls the roll may have been faster.
            await self._applying.mark(session, excuse)

    async def recorded(self, session_id: str) -> None:
        """Carry excuses into records that were made after the event.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session = await self._session(session_id)
        if session is None or "date" not in session:
            return
        async with self._database.operation():
            records = self._database.documents[AttendanceRecord.collection()]
            students = await records.distinct("studentId", {"sessionId": session["_id"]})
        for excuse in await self._applying.order(session, students):
            await self._applying.apply(excuse)

    async def status_of(self, session: SessionInfo, student_id: str) -> str | None:
        """Return the status of an unmarked student at the end of a session; None for no excuse.

        Args:
            session: The session.
            student_id: Id of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        now = self._clock.monotonic()
        known, at = self._asked
        if known != session.id or now - at > REMEMBERED_SECONDS:
            self._excused = await self._excused_in(session.id)
            self._asked = (session.id, now)
        return self._status if student_id in self._excused else None

    async def _excused_in(self, session_id: str) -> set[str]:
        session = await self._session(session_id)
        if session is None:
            return set()
        day = str(session["date"])
        query = {"state": ExcuseState.ACCEPTED, "from": {"$lte": day}, "to": {"$gte": day}}
        async with self._database.operation():
            found = await self._database.documents[EXCUSES].distinct("studentId", query)
        return set(map(str, found))

    async def _session(self, session_id: str) -> Document | None:
        fields = {"classId": 1, "date": 1}
        return await self._database.one(
            Session.collection(), {"_id": object_id(session_id)}, fields
        )
