"""The application of changes to the projection, and their broadcasts."""

from __future__ import annotations

import asyncio
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import structlog

from quartapp_attendance.live.counting import OFF_ROLL, counted
from quartapp_attendance.live.session import ActiveSession, mark_of, statuses
from quartapp_attendance.live.states import LIVE, SessionState
from quartapp_attendance.live.telling import Telling, ended, started
from quartapp_attendance.words import MARKED, SUMMARY
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from datetime import date

    from bson import ObjectId

    from quartapp import Broadcast, Database, Document, Hub
    from quartapp_attendance.live.change import Change
    from quartapp_attendance.live.sessions import LiveSessions
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.statuses import StatusRegistry


log = structlog.get_logger("quartapp.attendance")

# Fields of a session that has more changes than its beginning.
SHOWN = frozenset({"signal", "packed", "rest"})


class Projector:
    """Applies changes to the projection, and broadcasts them.

    Args:
        database: The database that has the sessions.
        live: The projection: the live sessions of this process.
        hub: The sockets of this process.
        statuses: Statuses of the app, which count marks.
        metrics: Metrics of roll calls.
        members: Function that returns the ids of a class's people, for broadcasts to the class
            alone; None for broadcasts to everybody.
        today: Function that returns the local day, which decides whether a substitute teaches.

    Attributes:
        telling: Maker of the frames of sessions.
    """

    def __init__(
        self,
        database: Database,
        live: LiveSessions,
        hub: Hub,
        statuses: StatusRegistry,
        metrics: AttendanceMetrics,
        members: Callable[[ObjectId], Awaitable[frozenset[str]]] | None,
        today: Callable[[], date],
    ) -> None:
        self._database = database
        self._live = live
        self._hub = hub
        self._statuses = statuses
        self._metrics = metrics
        self._members = members
        self._today = today
        self.telling = Telling(by_class=members is not None)
        self._lock = asyncio.Lock()

    async def reload(self) -> None:
        """Read every live session, and show what this process has missed of the known ones."""
        async with self._lock:
            async with self._database.operation():
                known = [session.id for session in self._live]
                found = await self._sessions.find(
                    {
                        "$or": [
                            {"state": {"$in": list(LIVE)}},
                            {"_id": {"$in": known}},
                        ]
                    }
                ).to_list()
            present = set()
            for document in found:
                present.add(document["_id"])
                await self._reconcile(document)
            for session in self._live:
                if session.id not in present:
                    self._live.remove(session)

    async def insert(self, document: Document) -> None:
        """Begin a session, or load one anew that was put back from a backup.

        Args:
            document: The session as stored.
        """
        async with self._lock:
            session = self._live.get(document["_id"])
            if session is not None:
                await self._catch_up(session)
            else:
                await self._reconcile(document, begun=True)

    async def apply(self, change: Change) -> None:
        """Show a change, unless this process has shown it already.

        Args:
            change: The update.
        """
        async with self._lock:
            session = self._live.get(change.session_id)
            if session is None or change.seq == session.seq:
                return
            # A lower number is a repeat, or a change of a session that was put back from a backup:
            # the stored session tells.
            if change.seq - change.size != session.seq:
                await self._catch_up(session)
                return
            if change.roll_version is not None:
                session.roll_version = change.roll_version
            # An end need not bring the version that says who is to hear of it.
            moved = change.roll_version is not None or change.state is not None
            # A new day changes only audiences, which broadcasts to everybody do not have.
            if self._members is not None and (moved or session.audience_day != self._today()):
                await self._set_audience(session)
            if change.entries:
                with self._metrics.fan_out.time():
                    self._show(session, change.entries)
            session.seq = change.seq
            if change.state is not None:
                self._enter(session, change.state, change.summary, change.answered)
            session.advance(change.seq)

    async def close(self, session_id: ObjectId) -> None:
        """Note that a session takes no marks any more. This has no number, and nobody is told.

        Args:
            session_id: ``_id`` of the session.
        """
        async with self._lock:
            session = self._live.get(session_id)
            if session is not None:
                session.state = SessionState.CLOSING

    async def remove(self, session_id: ObjectId) -> None:
        """Remove a session whose document was deleted.

        Args:
            session_id: ``_id`` of the session.
        """
        async with self._lock:
            session = self._live.get(session_id)
            if session is not None:
                self._live.remove(session)

    @property
    def _sessions(self) -> Any:  # noqa: ANN401 - PyMongo's collection, generic in documents
        return self._database.documents["sessions"]

    def _show(self, session: ActiveSession, entries: Iterable[Document]) -> None:
        shown: list[tuple[int, int, Broadcast, frozenset[str] | None]] = []
        seq = session.seq
        for entry in entries:
            named = _named(entry)
            for broadcast, numbers in self._told(session, seq, entry):
                seq += numbers
                shown.append((seq, numbers, broadcast, named))
        for concerned, run in groupby(shown, key=itemgetter(3)):
            audience = session.audience if concerned is None else concerned
            self._hub.broadcast_all([broadcast for _, _, broadcast, _ in run], audience)
        # Afterwards: keeping needs the size of a form that is encoded.
        for last, numbers, broadcast, named in shown:
            session.broadcasts.add(last, broadcast, named, numbers)

    def _told(
        self, session: ActiveSession, seq: int, entry: Document
    ) -> Iterator[tuple[Broadcast, int]]:
        """Apply an entry; return its broadcasts, each with the amount of its numbers."""
        if entry["kind"] == "rest":
            yield from self._told_together(session, seq, entry["marks"])
            return
        if entry["kind"] == "mark":
            session.show(mark_of(entry["studentId"], entry))
            name, data = MARKED, {"studentId": entry["studentId"], "status": entry["status"]}
        elif entry["kind"] == "summary":
            # A server of an earlier version has noted nobody.
            marks = counted(session.attendance, entry.get(OFF_ROLL, ()))
            name, data = SUMMARY, self._statuses.tally(marks)
        else:
            name, data = entry["event"], entry["data"]
        yield self.telling.one(session, seq + 1, name, data, entry), 1

    def _told_together(
        self, session: ActiveSession, seq: int, marks: Document
    ) -> Iterator[tuple[Broadcast, int]]:
        by_status: dict[str, list[str]] = {}
        for student_id in sorted(marks.keys() - session.marks.keys()):
            mark = mark_of(student_id, marks[student_id])
            session.show(mark)
            by_status.setdefault(marks[student_id]["status"], []).append(student_id)
        for status, student_ids in by_status.items():
            yield self.telling.rest(session, seq + 1, status, student_ids), len(student_ids)
            seq += len(student_ids)

    def _enter(
        self,
        session: ActiveSession,
        state: str,
        summary: Document | None,
        answered: Document | None = None,
    ) -> None:
        session.state = state
        if state == SessionState.CLOSING:
            return
        with self._metrics.fan_out.time():
            if state == SessionState.CLOSED:
                broadcast = self.telling.done(session, summary or {}, answered)
            else:
                broadcast = ended(session, state)
            self._hub.broadcast(broadcast, session.audience)
            session.broadcasts.add(session.seq, broadcast)
        self._live.remove(session)

    async def _catch_up(self, session: ActiveSession) -> None:
        async with self._database.operation():
            document = await self._sessions.find_one({"_id": session.id})
        if document is None:
            self._live.remove(session)
        else:
            await self._reconcile(document)

    async def _reconcile(self, document: Document, *, begun: bool = False) -> None:
        """Bring the projection to the state of a document, and show what was missed."""
        session = self._live.get(document["_id"])
        if session is None and document["state"] in LIVE:
            session = self._live.taken_back(document["_id"])
        if session is None:
            if document["state"] in LIVE:
                begun = begun and not SHOWN & document.keys()
                session = ActiveSession.from_document(document, begun=begun)
                await self._set_audience(session)
                self._live.add(session)
                name = document.get("className", "")
                self._hub.broadcast(started(session, name), session.audience)
            return
        if document["state"] in LIVE:
            session.state = document["state"]
        if is_restored(session, document):
            log.warning(
                "session was put back from a backup: loading it anew",
                session=str(session.id),
                seq=document["seq"],
                known=session.seq,
            )
            session.forget()
        elif document["seq"] == session.seq:
            return
        moved = document.get("rollVersion") != session.roll_version
        if moved or document["state"] != session.state:
            session.roll_version = document.get("rollVersion")
            await self._set_audience(session)
        marks = sorted(document["attendance"].items(), key=lambda item: item[1]["at"])
        missed = [
            {"kind": "mark", "studentId": student_id, **mark}
            for student_id, mark in marks
            if session.attendance.get(student_id) != mark["status"]
        ]
        missed += [
            {"kind": "mark", "studentId": student_id, "status": None, "by": mark.by}
            for student_id, mark in session.marks.items()
            if student_id not in document["attendance"]
        ]
        # The numbers of the single changes are unknown. All carry the one up to which they bring a
        # client that keeps count.
        before = document["seq"] - 1
        told = [told for entry in missed for told, _ in self._told(session, before, entry)]
        self._hub.broadcast_all(told, session.audience)
        session.seq = document["seq"]
        # So these changes cannot be sent again.
        session.broadcasts.restart(session.seq)
        if document["state"] != session.state:
            answered = document.get("answered")
            self._enter(session, document["state"], document.get("summary"), answered)
        session.advance(document["seq"])

    async def _set_audience(self, session: ActiveSession) -> None:
        if self._members is None:
            return
        session.audience_day = self._today()
        try:
            session.audience = await self._members(session.class_id)
        except ClassNotFoundError:
            session.audience = frozenset({session.teacher_id})


def is_restored(session: ActiveSession, document: Document) -> bool:
    """Tell whether a stored session is no continuation of the known one.

    Numbers only ever grow, and a number stands for one state.

    Args:
        session: The session as this process knows it.
        document: The session as stored now.
    """
    if document["seq"] == session.seq:
        return statuses(document) != session.attendance
    return bool(document["seq"] < session.seq)


def _named(entry: Document) -> frozenset[str] | None:
    """Return the ids of the users whom an entry is for; None when it is for the whole session."""
    return frozenset(entry["to"]) if "to" in entry else None
