"""The start and the end of roll calls. This module knows no requests, frames and status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Attempt
from quartapp_attendance.choice import ARRIVAL_SECONDS
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.happenings import SessionStarted
from quartapp_attendance.live.references import claimed
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.marking import Marking
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from quartapp import Document, Grants, Roles
    from quartapp_attendance.closing import Closing
    from quartapp_attendance.expiry import Expiry
    from quartapp_attendance.hook_calls import AttendanceHooks
    from quartapp_attendance.live.session import ActiveSession, SessionInfo
    from quartapp_attendance.live.session_log import SessionLog
    from quartapp_attendance.live.sessions import LiveSessions
    from quartapp_attendance.records import Records
    from quartapp_classes import ClassRoom, ClassService, Rolls, Teaching


ABSENT = "absent"
SESSION_ACTIVE = "attendance session is active"
HAS_RECORDS = "class has attendance records"


class AttendanceService(Marking):
    """Roll calls, from their start to their end.

    Args:
        records: The attendance records of ended sessions.
        closing: The steps that end sessions.
        expiry: The end of sessions that nobody ends.
        classes: Service of the classes.
        rolls: Rolls of the classes.
        teaching: Teachers of the classes.
        sessions: The log of live sessions.
        live: The projection of the log in this process.
        hooks: Hooks of plugins, which check marks and receive events.
        scope: ``global`` for one live session in the system, ``class`` for one in each class.
        roles: Roles of the app, which decide who calls rolls.
        grants: Permissions that plugins give to other people.

    Attributes:
        records: The attendance records of ended sessions.
        closing: The steps that end sessions.
    """

    def __init__(
        self,
        records: Records,
        closing: Closing,
        expiry: Expiry,
        classes: ClassService,
        rolls: Rolls,
        teaching: Teaching,
        sessions: SessionLog,
        live: LiveSessions,
        hooks: AttendanceHooks,
        scope: str,
        roles: Roles,
        grants: Grants,
    ) -> None:
        super().__init__(
            *(rolls, teaching, sessions, live, hooks),
            *(scope, roles, grants, expiry),
        )
        self.records = records
        self.closing = closing
        self._classes = classes

    async def start(
        self, class_room: ClassRoom, attempt: Attempt | None = None, *, by: str | None = None
    ) -> datetime:
        """Start a session for a class; do nothing when one is live already.

        A session of another day that began six hours ago or earlier does not count as live: it
        ends as expired.

        Args:
            class_room: The class.
            attempt: The try that this call is; None for the first and only one.
            by: Id of the user who starts the session; None for the class's primary teacher.

        Returns:
            Start of the session, in UTC.

        Raises:
            ClassNotFoundError: The class was deleted meanwhile.
        """
        attempt = attempt or Attempt()
        if attempt.repeated:
            ended = {"_id": attempt.id, "state": {"$ne": SessionState.ACTIVE}}
            if earlier := await self._log.find(ended):
                return _started_at(earlier[0])
        teacher_id = str(class_room.teacher_id) if by is None else by
        slot = "global" if self._scope == "global" else str(class_room.id)
        while True:
            found = await self._log.find({"slot": slot, "state": SessionState.ACTIVE})
            if found and self._expiry.before_start(_started_at(found[0])):
                await self._expiry.end(found[0]["_id"])
                continue
            if found and found[0]["classId"] == class_room.id:
                await self._live.arrival(found[0]["_id"], ARRIVAL_SECONDS)
                return _started_at(found[0])
            if found:
                await self.closing.without_done(
                    found[0]["_id"], SessionState.SUPERSEDED, by=teacher_id
                )
                continue
            begun = await self._log.begin(
                slot, class_room.id, teacher_id, attempt.id, class_room.class_name
            )
            if begun is not None:
                break
        session_id = begun["_id"]
        try:
            await self._classes.get(str(class_room.id))
        except ClassNotFoundError:
            await self.closing.without_done(session_id, SessionState.SUPERSEDED)
            raise
        await self._live.arrival(session_id, ARRIVAL_SECONDS)
        await self._plugins.on_event(
            SessionStarted(str(session_id), str(class_room.id), teacher_id)
        )
        return _started_at(begun)

    async def done(self, session: ActiveSession, by: str | None = None) -> None:
        """End a session: count unmarked students as absent, store the records, and tell everybody.

        Args:
            session: The session.
            by: Id of the user who ends the session, and who is named in the records of unmarked
                students; None for the user who started it.

        Raises:
            AppliedError: The reference of the frame that is being handled was applied before.
            NoActiveSessionError: The session is over already.
            DatabaseUnavailableError: MongoDB did not answer in time. A closing that has begun is
                finished when MongoDB answers again.
        """
        with claimed() as reference:
            document = await self._log.begin_closing(
                session.id, SessionState.CLOSED, reference, by=by
            )
            if document is None:
                if reference is not None:
                    await self._log.entries.applied(session, reference)
                session.state = SessionState.CLOSING
                raise NoActiveSessionError
        await self.closing.to_the_end(document)
        # The end has the next number; when that is reached, the broadcast has been sent.
        await session.reached(document["seq"] + 1)

    async def statuses_of_unmarked(
        self, session: SessionInfo, student_ids: Iterable[str]
    ) -> dict[str, str]:
        """Return the status that ``DONE`` gives to each unmarked student.

        Args:
            session: The session.
            student_ids: Ids of the unmarked students.
        """
        unmarked = list(student_ids)
        chosen = await self._hooks.final_statuses(session, unmarked)
        return {**dict.fromkeys(unmarked, ABSENT), **chosen}

    async def kept_by(self, class_id: str, *, with_records: bool) -> str | None:
        """Return the reason why a class cannot be deleted: a live session, or records.

        Args:
            class_id: ``_id`` of the class.
            with_records: Whether the records may be deleted with the class.

        Returns:
            The reason, for the person who asks; None when the class can be deleted.
        """
        key = ObjectId(class_id)
        unfinished = {
            "classId": key,
            "state": {"$in": [SessionState.ACTIVE, SessionState.CLOSING]},
        }
        if await self._log.find(unfinished):
            return SESSION_ACTIVE
        if not with_records and await self.records.any_of(key):
            return HAS_RECORDS
        return None


def _started_at(document: Document) -> datetime:
    started_at: datetime = document["startedAt"]
    return started_at
