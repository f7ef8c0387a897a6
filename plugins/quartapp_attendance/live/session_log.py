"""The log: every change of a live session is one atomic update of its document in MongoDB.

The field ``signal`` of the document has what an update shows to the sockets, as a list of entries:

* ``{"kind": "mark", "studentId", "status"}``: a mark; without a status, a mark that was taken back;
* ``{"kind": "summary"}``: the counts at this point, which each process takes from its projection,
  without those whom the field ``offRoll`` names (:mod:`quartapp_attendance.live.counting`);
* ``{"kind": "event", "event", "data"}``: a plugin's own broadcast.

The number and the numbered change are one write, so commits are in the order of ``seq``. A
condition of a mark is part of the update's filter: no other mark comes between the comparison and
the change.
"""

from __future__ import annotations

import time
from operator import itemgetter
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp_attendance import audited
from quartapp_attendance.happenings import SessionStarted
from quartapp_attendance.live.change import Change
from quartapp_attendance.live.counting import OFF_ROLL
from quartapp_attendance.live.entries import EntryWriter
from quartapp_attendance.live.references import not_applied
from quartapp_attendance.live.rest import RestWriter
from quartapp_attendance.live.roll_seen import ROLL_SEEN
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.live.store import SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date, datetime

    from quartapp import Changes, Clock, Database, Document, Traces
    from quartapp_attendance.live.change import Echo
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_classes import Rolls


# Fields of a session that grow with its frames, and that only the log needs.
UNSENT = {"refs": 0, "signal": 0, "packed": 0, OFF_ROLL: 0, ROLL_SEEN: 0}

# Fields of a live session alone.
LIVE_ALONE = ("refs", "refCount", "packed", OFF_ROLL, ROLL_SEEN)

# Microseconds between the last number of all sessions and the first of the next, when the clock was
# set back.
NUMBERS_APART = 1_000_000


class SessionLog:
    """The beginnings and ends of sessions, and the writers of what is between.

    Args:
        database: The database that has the sessions.
        roll: Function that returns the present roll of a class.
        echo: Display of acknowledged changes, for a MongoDB without change streams.
        metrics: Metrics of roll calls.
        traces: Traces to which each update adds a span.
        clock: Clock for the times that are stored.
        changes: Store for what plugins want delivered, with each change.
        local_day: Function that returns the local date of a moment.

    Attributes:
        entries: Writer of marks, summaries and events of plugins.
        rest: Writer of marks for those who have none.
    """

    def __init__(
        self,
        database: Database,
        rolls: Rolls,
        echo: Echo,
        metrics: AttendanceMetrics,
        traces: Traces,
        clock: Clock,
        changes: Changes,
        local_day: Callable[[datetime], date],
    ) -> None:
        self._clock = clock
        self._local_day = local_day
        self._changes = changes
        self._store = SessionStore(database, rolls, echo)
        self.entries = EntryWriter(self._store, metrics, traces, clock, changes)
        self.rest = RestWriter(self._store, metrics, clock, changes)

    async def find(self, query: Document, *, newest_first: bool = False) -> list[Document]:
        """Return the session documents that match a query.

        Args:
            query: Filter of MongoDB.
            newest_first: Whether the newest session comes first, and not the oldest.
        """
        async with self._store.operation():
            order = [("seq", -1 if newest_first else 1), ("_id", 1)]
            return await self._store.sessions.find(query, UNSENT).sort(order).to_list()

    async def begin(
        self,
        slot: str,
        class_id: ObjectId,
        teacher_id: str,
        session_id: ObjectId,
        class_name: str,
    ) -> Document | None:
        """Begin a session.

        Args:
            slot: ``global`` or the id of a class; a slot has at most one live session.
            class_id: ``_id`` of the class.
            teacher_id: Id of the user who starts the session.
            session_id: ``_id`` that the session gets.
            class_name: Name of the class, to be announced with the start.

        Returns:
            The session; None when the slot already has a live one.
        """
        now = self._clock.now()
        document: Document = {
            "_id": session_id,
            "classId": class_id,
            "className": class_name,
            "teacherId": ObjectId(teacher_id),
            "slot": slot,
            "state": SessionState.ACTIVE,
            "seq": await self._first_number(),
            "startedAt": now,
            "date": self._local_day(now).isoformat(),
            "rollVersion": None,
            "attendance": {},
        }
        started = SessionStarted(str(document["_id"]), str(class_id), teacher_id)
        async with self._store.writing():
            try:
                await self._changes.stored(
                    [started],
                    lambda: self._store.sessions.insert_one(document),
                    lambda _: document["seq"],
                    audited=audited.started(document),
                )
            except DuplicateKeyError as error:
                # After a retried write, the document in the way may be the one that this call
                # inserted.
                if (error.details or {}).get("keyPattern", {}) != {"_id": 1}:
                    return None
            if self._store.echo is not None:
                await self._store.echo.insert(document)
        return document

    async def _first_number(self) -> int:
        """Return the first ``seq`` of the next session, which is higher than all numbers before.

        It is the time, in microseconds since the epoch, unless the clock was set back. The numbers
        of two sessions therefore do not overlap, a client that reconnects with a number cannot be
        mistaken for a follower of another session, and numbers tell which session is newer. They
        are safe integers in JavaScript.
        """
        async with self._store.operation():
            last = await self._store.sessions.find_one({}, {"seq": 1}, sort=[("seq", -1)])
        now = time.time_ns() // 1000
        if last is None or last["seq"] < now:
            return now
        # Sessions that begin at one moment differ by the microsecond.
        return int(last["seq"]) + NUMBERS_APART + now % NUMBERS_APART

    async def begin_closing(
        self,
        session_id: ObjectId,
        outcome: str,
        reference: Reference | None = None,
        *,
        by: str | None = None,
    ) -> Document | None:
        """Stop a live session from taking marks. Exactly one caller succeeds.

        Args:
            session_id: ``_id`` of the session.
            outcome: State of the session once its records are stored: ``closed``,
                ``superseded`` or ``expired``.
            reference: Reference of the frame that ends the session; None without one.
            by: Id of the user who ends the session; None when nobody does.

        Returns:
            The session with all marks that count; None when it is not live, or when the reference
            was applied before.
        """
        now = self._clock.now()
        live: Document = {"_id": session_id, "state": SessionState.ACTIVE}
        changed = {"state": SessionState.CLOSING, "outcome": outcome, "endedAt": now}
        if by is not None:
            changed["endedBy"] = ObjectId(by)
        if reference is not None:
            # An end needs no room for its reference, since all references go with the session.
            live |= not_applied(reference)
            changed["answers"] = reference.answered
        async with self._store.writing():
            # Without a number: the end of a session takes one, when it is told.
            document = await self._store.sessions.find_one_and_update(
                live,
                {
                    "$set": changed,
                    "$unset": dict.fromkeys(LIVE_ALONE, ""),
                },
                return_document=ReturnDocument.AFTER,
            )
            if document is not None and self._store.echo is not None:
                await self._store.echo.close(session_id)
        return document

    async def end(
        self,
        document: Document,
        summary: Document | None,
        roll_version: int | None,
        event: object,
        roll: Collection[str] | None = None,
    ) -> bool:
        """Take the last step of closing; do nothing when another process has taken it.

        Args:
            document: The session, in state ``closing``.
            summary: Final counts for the broadcast; None for no broadcast.
            roll_version: Version of the roll that was counted, which decides who gets the
                broadcast.
            event: What plugins are told when this call took the step.
            roll: Ids of the students who are on the roll at this moment, to be kept; None where
                each of them has a record.

        Returns:
            Whether this call took the step.
        """
        changed: Document = {"state": document["outcome"]}
        if summary is not None:
            changed["summary"] = summary
        if roll_version != document["rollVersion"]:
            changed["rollVersion"] = roll_version
        if roll is not None:
            changed["roll"] = [ObjectId(student) for student in sorted(roll)]
        if "answers" in document:
            changed["answered"] = document["answers"]
        session_id = document["_id"]
        async with self._store.writing():
            ended = await self._changes.stored(
                [event],
                lambda: self._store.sessions.find_one_and_update(
                    {"_id": session_id, "state": SessionState.CLOSING},
                    {"$set": changed, "$inc": {"seq": 1}},
                    {"seq": 1},
                    return_document=ReturnDocument.AFTER,
                ),
                itemgetter("seq"),
                audited=audited.ended(document, summary),
            )
            if ended is not None and self._store.echo is not None:
                fields = {**changed, "seq": ended["seq"]}
                await self._store.echo.apply(Change.from_fields(session_id, fields))
        return ended is not None
