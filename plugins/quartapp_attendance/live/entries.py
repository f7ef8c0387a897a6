"""The writer of entries: those that come at the same moment are written by one update."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pymongo import ReturnDocument

from quartapp import untimed
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.live.batch import (
    Waiting,
    changes_of,
    has_summary,
    next_batch,
    numbers_of,
    pipeline_of,
)
from quartapp_attendance.live.change import ATTENDANCE_PREFIX, Change
from quartapp_attendance.live.counting import OFF_ROLL
from quartapp_attendance.live.references import REFERENCES_PREFIX, check_applied
from quartapp_attendance.live.refusals import decide
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.statuses import ANY

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Changes, Clock, Document, Traces
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.live.refusals import Decision
    from quartapp_attendance.live.roll_seen import Basis
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.live.store import SessionStore
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.statuses import Expected, Mark

# Rounds of the event loop to wait for more entries. Of many frames that arrive at one moment, the
# server reads a few first; if those were written at once, all others would wait for that write.
GATHERING_ROUNDS = 3
# While entries come, the wait goes on; so often at most, as a flood never ends.
MOST_GATHERINGS = 8


@dataclass(slots=True)
class _Queue:
    """The entries of one session that wait to be written, and the task that writes them."""

    waiting: deque[Waiting] = field(default_factory=deque)
    writer: asyncio.Task[None] | None = None


class EntryWriter:
    """The writer of marks, summaries and events of plugins.

    Args:
        store: The stored sessions.
        metrics: Metrics of roll calls.
        traces: Traces to which each update adds a span.
        clock: Clock for the times that are stored.
        changes: Store for what plugins want delivered, with each change.
    """

    def __init__(
        self,
        store: SessionStore,
        metrics: AttendanceMetrics,
        traces: Traces,
        clock: Clock,
        changes: Changes,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._traces = traces
        self._clock = clock
        self._changes = changes
        self._queues: dict[ObjectId, _Queue] = {}

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
        shown = await self.put(session, entry, mark, event, expected, reference)
        # The write has a limit of its own; what is stored is shown when the stream is back.
        with untimed():
            await shown

    async def put(
        self,
        session: ActiveSession,
        entry: Document,
        mark: Mark | None = None,
        event: object = None,
        expected: Expected = ANY,
        reference: Reference | None = None,
    ) -> asyncio.Future[None]:
        """Put an entry behind those that wait to be written, like :meth:`append`.

        Returns:
            Future that is resolved when this process has shown the entry, and otherwise raises what
            :meth:`append` raises.

        Raises:
            HookFailedError: A plugin failed in the hook ``outbox_entries``.
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
        return shown

    async def applied(self, session: ActiveSession, reference: Reference) -> None:
        """Find out whether a frame was applied before.

        Args:
            session: The session.
            reference: The frame's reference.

        Raises:
            AppliedError: The frame was applied before.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._store.operation():
            kept = {REFERENCES_PREFIX + reference.key: 1}
            document = await self._store.sessions.find_one({"_id": session.id}, kept)
        if document is not None:
            check_applied(reference, document)

    async def confirm(self, session: ActiveSession, reference: Reference | None) -> None:
        """Find out whether a plugin's refusal holds: the session is live, and the frame is new.

        Args:
            session: The session.
            reference: Reference of the frame; None without one.

        Raises:
            AppliedError: The frame was applied before.
            NoActiveSessionError: The session is over.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        kept = {} if reference is None else {REFERENCES_PREFIX + reference.key: 1}
        async with self._store.operation():
            document = await self._store.sessions.find_one(
                {"_id": session.id}, {"state": 1, **kept}
            )
        if document is None or document["state"] != SessionState.ACTIVE:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        if reference is not None:
            check_applied(reference, document)

    async def _write_all(self, session: ActiveSession, queue: _Queue) -> None:
        try:
            while queue.waiting:
                await _gathered(queue.waiting)
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
        basis = await self._store.basis(session)
        document: Document | None = None
        while True:
            decision = decide(batch, basis.roll, document)
            if decision.refused and basis.is_copy:
                # A copy can only say yes, so that nobody who has just come onto the roll waits.
                basis = await self._store.basis(session, fresh=True)
                continue
            if decision.possible:
                if await self._stored(session, decision, basis):
                    break
            elif document is not None:
                break
            basis = await self._store.basis(session, fresh=True)
            document = await self._present(session, batch)
        decision.tell()

    async def _stored(self, session: ActiveSession, decision: Decision, basis: Basis) -> bool:
        """Write the entries that are possible, unless a term of the decision fails.

        Returns:
            Whether the entries are written; otherwise nothing is.
        """
        batch, conditions = decision.possible, decision.conditions | basis.terms
        roll = basis.roll
        changed, cleared = changes_of(batch, self._clock.now())
        changed |= basis.seen
        if roll.version != session.roll_version:
            changed["rollVersion"] = roll.version
        update: Document | list[Document]
        if has_summary(batch) or any(waiting.reference for waiting in batch):
            update = pipeline_of(batch, changed, cleared, roll)
        else:
            update = {"$set": changed, "$inc": {"seq": len(batch)}}
            if cleared:
                update["$unset"] = cleared
        async with self._store.writing():
            with (
                self._metrics.commit.time(),
                # The span of the first entry is the parent: the writing task may belong to a much
                # earlier entry.
                self._traces.span("session commit", {"entries": len(batch)}, above=batch[0].span),
            ):
                document = await self._changes.together(
                    [entry for waiting in batch for entry in waiting.wanted],
                    lambda: self._store.sessions.find_one_and_update(
                        {"_id": session.id, "state": SessionState.ACTIVE, **conditions},
                        update,
                        projection={"seq": 1, OFF_ROLL: 1},
                        return_document=ReturnDocument.AFTER,
                    ),
                    lambda document: numbers_of(batch, document["seq"]),
                )
            if document is None and conditions:
                return False
            if document is None:
                # Note the end at once: the stream reports it only a moment later, and until then
                # this sender would get other answers than that the session is over.
                session.state = SessionState.CLOSING
                raise NoActiveSessionError
            last = document["seq"]
            session.roll_seen = roll.class_version
            if self._store.echo is not None:
                fields = {**changed, "seq": last}
                if has_summary(batch):
                    fields[OFF_ROLL] = document[OFF_ROLL]
                await self._store.echo.apply(Change.from_fields(session.id, fields))
        self._metrics.marks.inc(sum(waiting.mark is not None for waiting in batch))
        for number, waiting in enumerate(batch, last - len(batch) + 1):
            session.resolve_at(number, waiting.shown)
        return True

    async def _present(self, session: ActiveSession, batch: list[Waiting]) -> Document:
        """Return the marks and references that the entries of a batch are about."""
        conditions = filter(None, (waiting.condition for waiting in batch))
        references = filter(None, (waiting.reference for waiting in batch))
        watched = [ATTENDANCE_PREFIX + student_id for student_id, _ in conditions]
        watched += [REFERENCES_PREFIX + reference.key for reference in references]
        async with self._store.operation():
            document = await self._store.sessions.find_one(
                {"_id": session.id}, {"state": 1, "refCount": 1, **dict.fromkeys(watched, 1)}
            )
        if document is None or document["state"] != SessionState.ACTIVE:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        return document


async def _gathered(waiting: deque[Waiting]) -> None:
    """Wait for the entries that come at the same moment."""
    for _ in range(MOST_GATHERINGS):
        before = len(waiting)
        for _ in range(GATHERING_ROUNDS):
            await asyncio.sleep(0)
        if len(waiting) == before:
            return
