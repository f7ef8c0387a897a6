"""The log: every change of a live session is one atomic update of its document in MongoDB.

The field ``signal`` of the document has what an update shows to the sockets, as a list of entries:

* ``{"kind": "mark", "studentId", "status"}``: a mark; without a status, a mark that was taken back;
* ``{"kind": "summary"}``: the counts at this point, which each process takes from its projection;
* ``{"kind": "event", "event", "data"}``: a plugin's own broadcast.

The number and the numbered change are one write, so commits are in the order of ``seq``. A
condition of a mark is part of the update's filter: no other mark comes between the comparison and
the change.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.happenings import SessionStarted
from quartapp_attendance.live.batch import (
    Waiting,
    changes_of,
    conditions_of,
    next_batch,
    pipeline_of,
    refuse_conflicts,
    refuse_strangers,
    stored_mark,
)
from quartapp_attendance.live.change import ATTENDANCE_PREFIX, Change
from quartapp_attendance.live.references import REFERENCES_PREFIX, check_applied, unapplied
from quartapp_attendance.live.rest import rest_update
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.statuses import ANY
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Changes, Clock, Database, Document, OutboxEntry, Traces
    from quartapp_attendance.live.change import Echo
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.statuses import Expected, Mark
    from quartapp_classes import Roll


# Fields of a session that grow with its frames, and that only the log needs.
UNSENT = {"refs": 0, "signal": 0, "packed": 0}
# Rounds of the event loop to wait for more entries. Of many frames that arrive at one moment, the
# server reads a few first; if those were written at once, all others would wait for that write.
GATHERING_ROUNDS = 3


@dataclass(slots=True)
class _Queue:
    """The entries of one session that wait to be written, and the task that writes them."""

    waiting: deque[Waiting] = field(default_factory=deque)
    writer: asyncio.Task[None] | None = None


class SessionLog:
    """The writer of sessions.

    Args:
        database: The database that has the sessions.
        roll: Function that returns the present roll of a class.
        echo: Display of acknowledged changes, for a MongoDB without change streams.
        metrics: Metrics of roll calls.
        traces: Traces to which each update adds a span.
        clock: Clock for the times that are stored.
        changes: Store for what plugins want delivered, with each change.
    """

    def __init__(
        self,
        database: Database,
        roll: Callable[[ObjectId], Awaitable[Roll]],
        echo: Echo,
        metrics: AttendanceMetrics,
        traces: Traces,
        clock: Clock,
        changes: Changes,
    ) -> None:
        self._clock = clock
        self._database = database
        self._metrics = metrics
        self._traces = traces
        self._roll = roll
        self._changes = changes
        self._shows = echo
        # Without a stream, acknowledgements decide the order that is shown, so writes are made one
        # at a time.
        self._one_at_a_time = asyncio.Lock()
        self._queues: dict[ObjectId, _Queue] = {}

    @property
    def _echo(self) -> Echo | None:
        """The echo, on a standalone MongoDB; None where a change stream shows the writes."""
        return None if self._database.change_streams else self._shows

    @property
    def sessions(self) -> AsyncCollection[Document]:
        """The collection of sessions."""
        return self._database.documents["sessions"]

    async def find(self, query: Document, *, newest_first: bool = False) -> list[Document]:
        """Return the session documents that match a query.

        Args:
            query: Filter of MongoDB.
            newest_first: Whether to sort by the start, newest first.
        """
        async with self._database.operation():
            order = [("startedAt", -1 if newest_first else 1), ("_id", 1)]
            return await self.sessions.find(query, UNSENT).sort(order).to_list()

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
        document: Document = {
            "_id": session_id,
            "classId": class_id,
            "className": class_name,
            "teacherId": ObjectId(teacher_id),
            "slot": slot,
            "state": SessionState.ACTIVE,
            "seq": first_number(),
            "startedAt": self._clock.now(),
            "rollVersion": None,
            "attendance": {},
        }
        started = SessionStarted(str(document["_id"]), str(class_id), teacher_id)
        async with self._writing():
            try:
                await self._changes.stored([started], lambda: self.sessions.insert_one(document))
            except DuplicateKeyError as error:
                # After a retried write, the document in the way may be the one that this call
                # inserted.
                if (error.details or {}).get("keyPattern", {}) != {"_id": 1}:
                    return None
            if self._echo is not None:
                await self._echo.insert(document)
        return document

    async def append(
        self,
        session: ActiveSession,
        entry: Document,
        mark: Mark | None = None,
        event: object = None,
        expected: Expected = ANY,
        reference: Reference | None = None,
    ) -> None:
        """Write an entry, and wait until this process has shown it.

        Entries that come at the same moment, or during a write, are written together.

        Args:
            session: The session.
            entry: The entry to show.
            mark: The mark to store with the entry; None for none.
            event: Event that the mark makes happen; None for none.
            expected: Condition of the mark.
            reference: Reference of the frame that led to the entry; None without one.

        Raises:
            AppliedError: The frame was applied before.
            TooManyReferencesError: The session keeps as many references as it may.
            ConflictError: The mark's condition does not hold.
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            HookFailedError: A plugin failed in the hook ``outbox_entries``.
            DatabaseUnavailableError: The entry could not be stored.
        """
        # Asked for each mark, so that a plugin that fails refuses no mark of others.
        wanted = await self._changes.entries([event]) if event is not None else []
        queue = self._queues.setdefault(session.id, _Queue())
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if reference is not None:
            entry = {**entry, **reference.answered}
        span = self._traces.current()
        queue.waiting.append(Waiting(entry, mark, expected, reference, wanted, shown, span))
        if queue.writer is None:
            # A task of its own: a cancelled caller must not cancel the marks of the others.
            queue.writer = asyncio.create_task(self._write_all(session, queue))
        await shown

    async def mark_rest(
        self,
        session: ActiveSession,
        marks: Mapping[str, Mark],
        reference: Reference | None,
        event: Callable[[str], object],
    ) -> list[str]:
        """Mark those students who have no mark, in one update, and wait until that is shown.

        Args:
            session: The session.
            marks: The mark for each student who may have none, by student id.
            reference: Reference of the frame; None without one.
            event: Function that returns the event of a student's mark.

        Returns:
            Ids of the students who got their marks, in the order of the numbers.

        Raises:
            AppliedError: The frame was applied before.
            TooManyReferencesError: The session keeps as many references as it may.
            NoActiveSessionError: The session is over.
            HookFailedError: A plugin failed in the hook ``outbox_entries``.
            DatabaseUnavailableError: The marks could not be stored.
        """
        roll = await self._roll_of(session)
        now = self._clock.now()
        stored = {
            student_id: stored_mark(mark, now)
            for student_id, mark in marks.items()
            if student_id in roll.student_ids
        }
        query: Document = {"_id": session.id, "state": SessionState.ACTIVE}
        if reference is not None:
            query |= unapplied([reference])
        update = rest_update(stored, roll.version, reference)
        while True:
            wanted: list[tuple[str, OutboxEntry]] = []
            if self._changes.asked:
                # What plugins want delivered is about these students: no mark may come between.
                query["seq"] = session.seq
                unmarked = sorted(stored.keys() - session.marks.keys())
                wanted = await self._changes.entries([event(student) for student in unmarked])
            async with self._writing():
                with self._metrics.commit.time():
                    before = await self._changes.together(
                        wanted,
                        lambda: self.sessions.find_one_and_update(
                            query, update, {"seq": 1, "attendance": 1}
                        ),
                    )
                if before is not None:
                    marked = sorted(stored.keys() - before["attendance"].keys())
                    last = before["seq"] + len(marked)
                    if self._echo is not None and marked:
                        new = {student_id: stored[student_id] for student_id in marked}
                        fields = {"seq": last, "rest": f":{len(marked)}", "attendance": new}
                        await self._echo.apply(Change.from_fields(session.id, fields))
                    break
            document = await self._present(session, reference)
            await session.reached(document["seq"])
        self._metrics.marks.inc(len(marked))
        await session.reached(last)
        return marked

    async def _present(self, session: ActiveSession, reference: Reference | None) -> Document:
        """Return the number of a session that did not take an update.

        Raises:
            AppliedError: The frame was applied before.
            TooManyReferencesError: The session keeps as many references as it may.
            NoActiveSessionError: The session is over.
        """
        fields = {"state": 1, "seq": 1, "refCount": 1}
        if reference is not None:
            fields[REFERENCES_PREFIX + reference.key] = 1
        async with self._database.operation():
            document = await self.sessions.find_one({"_id": session.id}, fields)
        if document is None or document["state"] != SessionState.ACTIVE:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        if reference is not None:
            check_applied(reference, document)
        return document

    async def _roll_of(self, session: ActiveSession) -> Roll:
        try:
            return await self._roll(session.class_id)
        except ClassNotFoundError as error:
            raise NoActiveSessionError from error

    async def applied(self, session: ActiveSession, reference: Reference) -> None:
        """Find out whether a frame was applied before.

        Args:
            session: The session.
            reference: The frame's reference.

        Raises:
            AppliedError: The frame was applied before.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            kept = {REFERENCES_PREFIX + reference.key: 1}
            document = await self.sessions.find_one({"_id": session.id}, kept)
        if document is not None:
            check_applied(reference, document)

    async def begin_closing(
        self, session_id: ObjectId, outcome: str, reference: Reference | None = None
    ) -> Document | None:
        """Stop a live session from taking marks. Exactly one caller succeeds.

        Args:
            session_id: ``_id`` of the session.
            outcome: State of the session once its records are stored: ``closed`` or ``superseded``.
            reference: Reference of the frame that ends the session; None without one.

        Returns:
            The session with all marks that count; None when it is not live.
        """
        now = self._clock.now()
        changed = {"state": SessionState.CLOSING, "outcome": outcome, "endedAt": now}
        if reference is not None:
            changed["answers"] = reference.answered
        async with self._writing():
            # Without a number: the end of a session takes one, when it is told.
            document = await self.sessions.find_one_and_update(
                {"_id": session_id, "state": SessionState.ACTIVE},
                {"$set": changed, "$unset": {"refs": "", "refCount": "", "packed": ""}},
                return_document=ReturnDocument.AFTER,
            )
            if document is not None and self._echo is not None:
                await self._echo.close(session_id)
        return document

    async def end(
        self,
        document: Document,
        summary: Document | None,
        roll_version: int | None,
        event: object,
    ) -> bool:
        """Take the last step of closing; do nothing when another process has taken it.

        Args:
            document: The session, in state ``closing``.
            summary: Final counts for the broadcast; None for no broadcast.
            roll_version: Version of the roll that was counted, which decides who gets the
                broadcast.
            event: What plugins are told when this call took the step.

        Returns:
            Whether this call took the step.
        """
        changed: Document = {"state": document["outcome"]}
        if summary is not None:
            changed["summary"] = summary
        if roll_version != document["rollVersion"]:
            changed["rollVersion"] = roll_version
        if "answers" in document:
            changed["answered"] = document["answers"]
        session_id = document["_id"]
        async with self._writing():
            ended = await self._changes.stored(
                [event],
                lambda: self.sessions.find_one_and_update(
                    {"_id": session_id, "state": SessionState.CLOSING},
                    {"$set": changed, "$inc": {"seq": 1}},
                    {"seq": 1},
                    return_document=ReturnDocument.AFTER,
                ),
            )
            if ended is not None and self._echo is not None:
                fields = {**changed, "seq": ended["seq"]}
                await self._echo.apply(Change.from_fields(session_id, fields))
        return ended is not None

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        order = self._one_at_a_time if self._echo is not None else nullcontext()
        async with order, self._database.operation():
            yield

    async def _write_all(self, session: ActiveSession, queue: _Queue) -> None:
        try:
            while queue.waiting:
                for _ in range(GATHERING_ROUNDS):
                    await asyncio.sleep(0)
                batch = next_batch(queue.waiting)
                try:
                    await self._write(session, batch)
                except Exception as error:  # noqa: BLE001 - every caller gets it, and handles it
                    for waiting in batch:
                        waiting.fail(error)
        finally:
            queue.writer = None
            self._queues.pop(session.id, None)

    async def _write(self, session: ActiveSession, batch: list[Waiting]) -> None:
        roll = await self._roll_of(session)
        batch = refuse_strangers(batch, roll)
        while batch:
            if await self._stored(session, batch, roll):
                return
            batch = await self._refuse_conflicts(session, batch)

    async def _stored(self, session: ActiveSession, batch: list[Waiting], roll: Roll) -> bool:
        """Write a batch; return False, with nothing written, when one of its conditions fails."""
        conditions = conditions_of(batch)
        changed, cleared = changes_of(batch, self._clock.now())
        if roll.version != session.roll_version:
            changed["rollVersion"] = roll.version
        update: Document | list[Document]
        if any(waiting.reference for waiting in batch):
            update = pipeline_of(batch, changed, cleared)
        else:
            update = {"$set": changed, "$inc": {"seq": len(batch)}}
            if cleared:
                update["$unset"] = cleared
        async with self._writing():
            with (
                self._metrics.commit.time(),
                # The span of the first entry is the parent: the writing task may belong to a much
                # earlier entry.
                self._traces.span("session commit", {"entries": len(batch)}, above=batch[0].span),
            ):
                document = await self._changes.together(
                    [entry for waiting in batch for entry in waiting.wanted],
                    lambda: self.sessions.find_one_and_update(
                        {"_id": session.id, "state": SessionState.ACTIVE, **conditions},
                        update,
                        projection={"seq": 1},
                        return_document=ReturnDocument.AFTER,
                    ),
                )
            if document is None and conditions:
                return False
            if document is None:
                # Note the end at once: the stream reports it only a moment later, and until then
                # this sender would get other answers than that the session is over.
                session.state = SessionState.CLOSING
                raise NoActiveSessionError
            last = document["seq"]
            if self._echo is not None:
                await self._echo.apply(Change.from_fields(session.id, {**changed, "seq": last}))
        self._metrics.marks.inc(sum(waiting.mark is not None for waiting in batch))
        for number, waiting in enumerate(batch, last - len(batch) + 1):
            session.resolve_at(number, waiting.shown)
        return True

    async def _refuse_conflicts(
        self, session: ActiveSession, batch: list[Waiting]
    ) -> list[Waiting]:
        """Refuse the entries whose conditions fail now; return the others."""
        conditions = filter(None, (waiting.condition for waiting in batch))
        references = filter(None, (waiting.reference for waiting in batch))
        watched = [ATTENDANCE_PREFIX + student_id for student_id, _ in conditions]
        watched += [REFERENCES_PREFIX + reference.key for reference in references]
        async with self._database.operation():
            document = await self.sessions.find_one(
                {"_id": session.id}, {"state": 1, "refCount": 1, **dict.fromkeys(watched, 1)}
            )
        if document is None or document["state"] != SessionState.ACTIVE:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        return refuse_conflicts(batch, document)


def first_number() -> int:
    """Return the first ``seq`` of a session: the time, in microseconds since the epoch.

    The numbers of two sessions therefore never overlap, and a client that reconnects with a number
    cannot be mistaken for a follower of another session. The numbers are safe integers in
    JavaScript.
    """
    return time.time_ns() // 1000
