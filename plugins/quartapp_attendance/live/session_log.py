"""The log: every change of a live session is one atomic update of its document in MongoDB.

What an update shows to the sockets stands in it, under ``signal``, as a list of entries:

* ``{"kind": "mark", "studentId", "status"}``: a mark;
* ``{"kind": "summary"}``: the counts at this point, which each process takes from its projection;
* ``{"kind": "event", "event", "data"}``: a plugin's own broadcast.

The number and what it numbers are one write, so the order of commits is the order of ``seq``.
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

from quartapp_attendance.errors import NoActiveSessionError, NotOnRollError
from quartapp_attendance.live.change import ATTENDANCE_PREFIX, Change
from quartapp_attendance.live.states import SessionState
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Traces
    from quartapp_attendance.live.change import Echo
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.statuses import Mark
    from quartapp_classes import Roll


BATCH_ENTRIES = 500
# Of the event loop. Of many frames that come at one moment a few are read first; were those written
# at once, all others would wait for them.
GATHERING_ROUNDS = 3


@dataclass(slots=True)
class _Waiting:
    entry: Document
    mark: Mark | None
    shown: asyncio.Future[None]
    span: object  # that it belongs to


@dataclass(slots=True)
class _Queue:
    """What waits to be written of one session, and the task that writes it."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    writer: asyncio.Task[None] | None = None


class SessionLog:
    """Writes sessions.

    Args:
        database: Where they live.
        roll: Who is on a class's roll now.
        echo: Shows each change once it is acknowledged, where no change stream brings it back.
        metrics: What is measured.
        traces: Where each update is told.
        clock: When things happen.
    """

    def __init__(
        self,
        database: Database,
        roll: Callable[[ObjectId], Awaitable[Roll]],
        echo: Echo,
        metrics: AttendanceMetrics,
        traces: Traces,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._database = database
        self._metrics = metrics
        self._traces = traces
        self._roll = roll
        self._shows = echo
        # Without a stream the order of acknowledgements is the order shown: one write at a time.
        self._one_at_a_time = asyncio.Lock()
        self._queues: dict[ObjectId, _Queue] = {}

    @property
    def _echo(self) -> Echo | None:
        """The echo, on a standalone MongoDB; None where a change stream shows what was written."""
        return None if self._database.change_streams else self._shows

    @property
    def sessions(self) -> AsyncCollection[Document]:
        """The collection."""
        return self._database.documents["sessions"]

    async def find(self, query: Document, *, newest_first: bool = False) -> list[Document]:
        """Session documents that match ``query``."""
        async with self._database.operation():
            order = [("startedAt", -1 if newest_first else 1), ("_id", 1)]
            return await self.sessions.find(query).sort(order).to_list()

    async def begin(self, slot: str, class_id: ObjectId, teacher_id: str) -> Document | None:
        """Make ``slot``'s live session.

        Returns:
            The session; None when the slot has one already.
        """
        document: Document = {
            "_id": ObjectId(),
            "classId": class_id,
            "teacherId": ObjectId(teacher_id),
            "slot": slot,
            "state": SessionState.ACTIVE,
            "seq": first_number(),
            "startedAt": self._clock.now(),
            "rollVersion": None,
            "attendance": {},
        }
        async with self._writing():
            try:
                await self.sessions.insert_one(document)
            except DuplicateKeyError as error:
                # After a retry the document that stands in the way may be this very one.
                if (error.details or {}).get("keyPattern", {}) != {"_id": 1}:
                    return None
            if self._echo is not None:
                await self._echo.insert(document)
        return document

    async def append(
        self, session: ActiveSession, entry: Document, mark: Mark | None = None
    ) -> None:
        """Write one entry, and wait until it was shown here.

        Those that come at one moment, or while a write is in flight, go together.

        Args:
            session: Where it belongs.
            entry: What is shown.
            mark: What is stored with it.

        Raises:
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            DatabaseUnavailableError: It could not be stored.
        """
        queue = self._queues.setdefault(session.id, _Queue())
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append(_Waiting(entry, mark, shown, self._traces.current()))
        if queue.writer is None:
            # A task of its own: a caller who leaves must not take the others' marks along.
            queue.writer = asyncio.create_task(self._write_all(session, queue))
        await shown

    async def begin_closing(self, session_id: ObjectId, outcome: str) -> Document | None:
        """End a live session: from here on it takes no mark. Exactly one caller succeeds.

        Args:
            session_id: Which.
            outcome: What it will be when its records are kept: ``closed`` or ``superseded``.

        Returns:
            The session with every mark that counts; None when it is not live.
        """
        now = self._clock.now()
        changed = {"state": SessionState.CLOSING, "outcome": outcome, "endedAt": now}
        return await self._change_state(session_id, SessionState.ACTIVE, changed)

    async def end(
        self, document: Document, summary: Document | None, roll_version: int | None
    ) -> bool:
        """Take the last step of closing; harmless when somebody has taken it.

        Args:
            document: The session, in ``closing``.
            summary: Final counts, which the broadcast shows; None for none.
            roll_version: The roll that was counted, for those who get the broadcast.

        Returns:
            Whether the step was taken by this call.
        """
        changed: Document = {"state": document["outcome"]}
        if summary is not None:
            changed["summary"] = summary
        if roll_version != document["rollVersion"]:
            changed["rollVersion"] = roll_version
        return await self._change_state(document["_id"], SessionState.CLOSING, changed) is not None

    async def _change_state(
        self, session_id: ObjectId, before: str, changed: Document
    ) -> Document | None:
        async with self._writing():
            document = await self.sessions.find_one_and_update(
                {"_id": session_id, "state": before},
                {"$set": changed, "$inc": {"seq": 1}},
                return_document=ReturnDocument.AFTER,
            )
            if document is not None and self._echo is not None:
                fields = {**changed, "seq": document["seq"]}
                await self._echo.apply(Change.from_fields(session_id, fields))
        return document

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
                size = min(len(queue.waiting), BATCH_ENTRIES)
                batch = [queue.waiting.popleft() for _ in range(size)]
                try:
                    await self._write(session, batch)
                except Exception as error:  # noqa: BLE001 - every caller gets it, and handles it
                    for waiting in batch:
                        _fail(waiting, error)
        finally:
            queue.writer = None
            self._queues.pop(session.id, None)

    async def _write(self, session: ActiveSession, batch: list[_Waiting]) -> None:
        try:
            roll = await self._roll(session.class_id)
        except ClassNotFoundError as error:
            raise NoActiveSessionError from error
        batch = _refuse_strangers(batch, roll)
        if not batch:
            return
        changed = _changes(batch, self._clock.now())
        if roll.version != session.roll_version:
            changed["rollVersion"] = roll.version
        async with self._writing():
            with (
                self._metrics.commit.time(),
                # Beneath its first entry's: the task is that of an earlier one, perhaps long gone.
                self._traces.span("session commit", {"entries": len(batch)}, above=batch[0].span),
            ):
                document = await self.sessions.find_one_and_update(
                    {"_id": session.id, "state": SessionState.ACTIVE},
                    {"$set": changed, "$inc": {"seq": len(batch)}},
                    projection={"seq": 1},
                    return_document=ReturnDocument.AFTER,
                )
            if document is None:
                # Known from here on: the stream says so a moment later, and until then this sender
                # would be told of other things than the session that is over.
                session.state = SessionState.CLOSING
                raise NoActiveSessionError
            last = document["seq"]
            if self._echo is not None:
                await self._echo.apply(Change.from_fields(session.id, {**changed, "seq": last}))
        self._metrics.marks.inc(sum(waiting.mark is not None for waiting in batch))
        for number, waiting in enumerate(batch, last - len(batch) + 1):
            session.resolve_at(number, waiting.shown)


def first_number() -> int:
    """The ``seq`` that a session begins with: the time, in microseconds since the epoch.

    So no number of a session is one of an earlier session, and a client that comes back with one
    cannot be taken for a follower of another session. It fits the whole numbers of JavaScript.
    """
    return time.time_ns() // 1000


def _changes(batch: list[_Waiting], now: datetime) -> Document:
    changed: Document = {
        # The id makes each signal a change, also when it shows the same as the one before.
        "signal": {"id": ObjectId(), "entries": [waiting.entry for waiting in batch]},
    }
    for mark in (waiting.mark for waiting in batch if waiting.mark):
        stored: Document = {"status": mark.status, "at": now, "by": ObjectId(mark.by)}
        if mark.via is not None:
            stored["via"] = mark.via
        changed[ATTENDANCE_PREFIX + mark.student_id] = stored
    return changed


def _refuse_strangers(batch: list[_Waiting], roll: Roll) -> list[_Waiting]:
    enrolled = []
    for waiting in batch:
        if waiting.mark is None or waiting.mark.student_id in roll.student_ids:
            enrolled.append(waiting)
        else:
            _fail(waiting, NotOnRollError())
    return enrolled


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.shown.done():
        waiting.shown.set_exception(error)
