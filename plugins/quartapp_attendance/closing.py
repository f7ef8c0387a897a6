"""The steps from ``closing`` to the end of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from quartapp_attendance.happenings import SessionDone, SessionExpired, SessionSuperseded
from quartapp_attendance.live.session import SessionInfo
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.records import final_marks
from quartapp_classes import ClassNotFoundError, Roll

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Clock, Document
    from quartapp_attendance.hook_calls import AttendanceHooks
    from quartapp_attendance.live.session_log import SessionLog
    from quartapp_attendance.metrics import AttendanceMetrics
    from quartapp_attendance.records import Records
    from quartapp_classes import Rolls


log = structlog.get_logger("quartapp.attendance")

ABANDONED_SECONDS = 5.0


class Closing:
    """The steps that end a session. Any process can repeat each step without harm.

    Args:
        records: The attendance records to be written.
        rolls: The rolls, which tell the unmarked students.
        sessions: The log of sessions.
        hooks: Hooks of plugins, for the statuses of the unmarked and for events.
        clock: Clock that decides when a closing counts as abandoned.
        metrics: Metrics of roll calls.
    """

    def __init__(
        self,
        records: Records,
        rolls: Rolls,
        sessions: SessionLog,
        hooks: AttendanceHooks,
        clock: Clock,
        metrics: AttendanceMetrics,
    ) -> None:
        self._records = records
        self._rolls = rolls
        self._log = sessions
        self._hooks = hooks
        self._clock = clock
        self._metrics = metrics
        self._under_way: set[asyncio.Task[None]] = set()

    async def to_the_end(self, document: Document) -> None:
        """Take all steps, even when the caller is cancelled.

        Args:
            document: The session, in state ``closing``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        # Shielded: the sender of DONE may leave, but the session has to be finished.
        task = asyncio.create_task(self._finish(document))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    async def without_done(
        self, session_id: ObjectId, outcome: SessionState, *, by: str | None = None
    ) -> None:
        """End a session without ``DONE``; do nothing when the session is not live.

        Args:
            session_id: ``_id`` of the session.
            outcome: ``superseded`` or ``expired``.
            by: Id of the user whose action ends the session; None when nobody does.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        document = await self._log.begin_closing(session_id, outcome, by=by)
        if document is not None:
            await self.to_the_end(document)

    async def finish_abandoned(self) -> None:
        """Finish the closing of sessions whose process died during the closing.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        cutoff = self._clock.time() - ABANDONED_SECONDS
        for document in await self._log.find({"state": SessionState.CLOSING}):
            if document["endedAt"].timestamp() <= cutoff:
                log.warning("finishing an abandoned session", session=str(document["_id"]))
                await self._finish(document)

    async def settle(self) -> None:
        """Wait until the closings of this process are finished."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _finish(self, document: Document) -> None:
        outcome = document["outcome"]
        try:
            roll = await self._rolls.now(document["classId"])
        except ClassNotFoundError:
            log.warning("class deleted under its session", session=str(document["_id"]))
            roll = Roll(frozenset(), -1)
        if outcome == SessionState.SUPERSEDED:
            await self._make_way(document, roll)
        elif outcome == SessionState.EXPIRED:
            await self._expire(document, roll)
        else:
            await self._count(document, roll)
        self._rolls.forget(document["classId"])

    async def _make_way(self, document: Document, roll: Roll) -> None:
        await self._records.keep(document, document["attendance"])
        ended = SessionSuperseded(str(document["_id"]), str(document["classId"]))
        await self._end(document, None, document["rollVersion"], ended, roll)

    async def _expire(self, document: Document, roll: Roll) -> None:
        marks: dict[str, Document] = document["attendance"]
        # Nobody said that the unmarked were absent: they get no record, and are not counted.
        await self._records.keep(document, marks)
        counted = [marks[student]["status"] for student in marks.keys() & roll.student_ids]
        counts = self._hooks.statuses.tally(counted)
        expired = SessionExpired(
            str(document["_id"]),
            str(document["classId"]),
            counts["present"],
            counts["absent"],
            counts["total"],
        )
        await self._end(document, counts, roll.version, expired, roll)

    async def _count(self, document: Document, roll: Roll) -> None:
        session_id, class_id = str(document["_id"]), str(document["classId"])
        unmarked = roll.student_ids - document["attendance"].keys()
        info = SessionInfo.of(document)
        chosen = await self._hooks.final_statuses(info, sorted(unmarked))
        final = final_marks(document, roll.student_ids, chosen)
        await self._records.keep(document, final)
        # A marked student who was then taken off the roll keeps the record, but is not counted.
        counted = [final[student]["status"] for student in roll.student_ids]
        counts = self._hooks.statuses.tally(counted)
        numbers = (counts["present"], counts["absent"], counts["total"])
        done = SessionDone(session_id, class_id, *numbers)
        await self._end(document, counts, roll.version, done)

    async def _end(
        self,
        document: Document,
        counts: Document | None,
        roll_version: int | None,
        event: object,
        kept: Roll | None = None,
    ) -> None:
        # Whoever finishes the session later has to know who was on the roll.
        roll = None if kept is None else kept.student_ids
        if await self._log.end(document, counts, roll_version, event, roll):
            self._metrics.ended.labels(document["outcome"]).inc()
            await self._hooks.plugins.on_event(event)
