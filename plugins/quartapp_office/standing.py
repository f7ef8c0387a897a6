"""Entries of the office in roll calls that begin later, and in records that are made later."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from quartapp import DatabaseUnavailableError, DomainError, object_id
from quartapp_attendance import AttendanceRecord, Session
from quartapp_classes import ClassNotFoundError
from quartapp_office.models import ENTRIES

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Database, Document
    from quartapp_classes import Rolls
    from quartapp_office.carrying import Carrying
    from quartapp_records import Orders

log = structlog.get_logger("quartapp.office")


class Standing:
    """Brings entries into sessions that begin, and into records that are made.

    Args:
        database: The database that has the entries.
        orders: The orders of entries.
        rolls: Rolls of the classes.
        carrying: What changes marks and records.
    """

    def __init__(
        self, database: Database, orders: Orders, rolls: Rolls, carrying: Carrying
    ) -> None:
        self._database = database
        self._orders = orders
        self._rolls = rolls
        self._carrying = carrying

    async def begun(self, session_id: str) -> None:
        """Mark the students of a session that has begun.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session, entries = await self._covering(session_id)
        if not entries:
            return
        with suppress(ClassNotFoundError):
            roll = await self._rolls.now(session["classId"])
            for student, entry in entries.items():
                if str(student) in roll.student_ids:
                    await self._marked(session, student, entry)

    async def recorded(self, session_id: str) -> None:
        """Carry entries into the records of a session, which have just been made.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        session, entries = await self._covering(session_id)
        if not entries:
            return
        documents = self._database.documents
        query = {"sessionId": session["_id"], "studentId": {"$in": list(entries)}}
        async with self._database.operation():
            records = documents[AttendanceRecord.collection()]
            recorded = await records.distinct("studentId", query)
        ordered = {"_id": {"$in": list({entries[student]["_id"] for student in recorded})}}
        await self._orders.add(ordered, session["_id"])
        async with self._database.operation():
            # Of two entries for a student, the newer one counts.
            found = await documents[ENTRIES].find(ordered).sort("_id", -1).to_list()
        for entry in found:
            await self._carrying.carry(entry)

    async def _marked(self, session: Document, student: ObjectId, entry: Document) -> None:
        try:
            # Whoever calls the roll may have been faster, and a mark of theirs stays.
            await self._carrying.mark(session, student, entry, first=True)
        except DatabaseUnavailableError:
            raise
        except DomainError as error:
            log.info("no mark for an entry", entry=str(entry["_id"]), reason=str(error))

    async def _covering(self, session_id: str) -> tuple[Document, dict[ObjectId, Document]]:
        """Return a session, and the newest entry for each student that covers it."""
        fields = {"classId": 1, "date": 1, "startedAt": 1, "added": 1}
        session = await self._database.one(
            Session.collection(), {"_id": object_id(session_id), "date": {"$ne": None}}, fields
        )
        if session is None:
            return {}, {}
        async with self._database.operation():
            entries = self._database.documents[ENTRIES].find({"date": session["date"]})
            found = await entries.sort("_id", 1).to_list()
        return session, {
            student: entry
            for entry in found
            if self._carrying.covers(entry, session)
            for student in entry["students"]
        }
