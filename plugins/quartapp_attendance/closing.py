"""The steps from ``closing`` to the end of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from quartapp_attendance.happenings import SessionDone, SessionSuperseded
from quartapp_attendance.live.session import SessionInfo
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.records import final_marks
from quartapp_classes import ClassNotFoundError, Roll

if TYPE_CHECKING:
    from quartapp import Clock, Document
    from quartapp_attendance.hook_calls import AttendanceHooks
    from quartapp_attendance.live.session_log import SessionLog
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
    """

    def __init__(
        self,
        records: Records,
        rolls: Rolls,
        sessions: SessionLog,
        hooks: AttendanceHooks,
        clock: Clock,
    ) -> None:
        self._records = records
        self._rolls = rolls
        self._log = sessions
        self._hooks = hooks
        self._clock = clock
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
        if document["outcome"] == SessionState.SUPERSEDED:
            await self._make_way(document)
        else:
            await self._count(document)

    async def _make_way(self, document: Document) -> None:
        await self._records.keep(document, document["attendance"])
        ended = SessionSuperseded(str(document["_id"]), str(document["classId"]))
        if await self._log.end(document, None, document["rollVersion"], ended):
            await self._hooks.plugins.on_event(ended)

    async def _count(self, document: Document) -> None:
        session_id, class_id = str(document["_id"]), str(document["classId"])
        try:
            roll = await self._rolls.now(document["classId"])
        except ClassNotFoundError:
            log.warning("class deleted under its session", session=session_id)
            roll = Roll(frozenset(), -1)
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
        if await self._log.end(document, counts, roll.version, done):
            await self._hooks.plugins.on_event(done)
        self._rolls.forget(document["classId"])
