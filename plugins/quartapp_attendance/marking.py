"""What people do in a live session: marks, counts, and the events of plugins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from quartapp import DatabaseUnavailableError, DomainError, earlier_frames, in_order, untimed
from quartapp_attendance.again import answer_again
from quartapp_attendance.choice import SessionChoice
from quartapp_attendance.errors import (
    ConflictError,
    MarkRefusedError,
    NoActiveSessionError,
    NotOnRollError,
    TooManyReferencesError,
    UnknownStatusError,
)
from quartapp_attendance.happenings import AttendanceMarked
from quartapp_attendance.live.references import AppliedError, claimed
from quartapp_attendance.live.telling import beside
from quartapp_attendance.statuses import ANY, Mark
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from bson import ObjectId

    from quartapp import Document, Grants, Principal, Roles
    from quartapp_attendance.expiry import Expiry
    from quartapp_attendance.hook_calls import AttendanceHooks
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.live.session import ActiveSession
    from quartapp_attendance.live.session_log import SessionLog
    from quartapp_attendance.live.sessions import LiveSessions
    from quartapp_attendance.statuses import Expected
    from quartapp_classes import Rolls, Teaching

# Refusals that the log has made while the session was live.
REFUSED_LIVE = (ConflictError, MarkRefusedError, NotOnRollError, TooManyReferencesError)


class Marking(SessionChoice):
    """What people do in live sessions.

    Args:
        rolls: Rolls of the classes.
        teaching: Teachers of the classes.
        sessions: The log of live sessions.
        live: The projection of the log in this process.
        hooks: Hooks of plugins, which check marks and receive events.
        scope: ``global`` for one live session in the system, ``class`` for one in each class.
        roles: Roles of the app, which decide who calls rolls.
        grants: Permissions that plugins give to other people.
        expiry: The end of sessions that nobody ends.
    """

    def __init__(
        self,
        rolls: Rolls,
        teaching: Teaching,
        sessions: SessionLog,
        live: LiveSessions,
        hooks: AttendanceHooks,
        scope: str,
        roles: Roles,
        grants: Grants,
        expiry: Expiry,
    ) -> None:
        super().__init__(rolls, teaching, sessions, live, scope, roles, grants, expiry)
        self._hooks = hooks
        self._plugins = hooks.plugins
        self._on_their_way: dict[tuple[ObjectId, str], asyncio.Future[None]] = {}

    async def in_session(
        self,
        principal: Principal,
        class_id: str | None,
        act: Callable[[ActiveSession], Awaitable[None]],
        *,
        calling: bool = True,
    ) -> None:
        """Do something in the live session that the principal acts on.

        This process may not know yet that a session was replaced. When ``act`` is refused because
        its session is over, it is repeated in the session that is live now.

        Args:
            principal: The user, as for :meth:`session_for`.
            class_id: ``_id`` of the class, as for :meth:`session_for`.
            act: The action.
            calling: Whether the principal acts as the caller, as for :meth:`session_for`.

        Raises:
            DomainError: ``act`` was refused in the live session.
            DatabaseUnavailableError: MongoDB did not answer in time.
            NoActiveSessionError: No live session fits.
        """
        session = await self.session_for(principal, class_id, calling=calling)
        try:
            await _done_once(act, session)
        except DatabaseUnavailableError:
            raise  # a failure, not a refusal: repeating would fail again
        except REFUSED_LIVE:
            raise
        except DomainError as error:
            live = await self._as_stored(principal, class_id, calling)
            if live is session:
                error.beside = beside(session, session.seq)  # more may have been shown meanwhile
                raise
            await _done_once(act, live)

    async def mark(self, session: ActiveSession, mark: Mark, expected: Expected = ANY) -> None:
        """Store a mark or take one back, and wait until this process has shown the change.

        Args:
            session: The session.
            mark: The mark; without a status, the student's mark is taken back.
            expected: Status that the student must have at this moment, None for no mark. The
                update itself compares, so no other mark comes between.

        Raises:
            ConflictError: The student has not the mark that was expected.
            AppliedError: The frame that is being handled was applied before.
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            UnknownStatusError: The status is not registered.
            MarkRefusedError: A plugin refuses the mark.
            DatabaseUnavailableError: The mark could not be stored.
        """
        if mark.status is not None and mark.status not in self._hooks.statuses:
            raise UnknownStatusError(mark.status)
        with claimed() as reference:
            # Later frames of the same socket go on from here: the log keeps the order.
            async with in_order(session.id):
                marked, shown = await self._put(session, mark, expected, reference)
            # The write has a limit of its own; what is stored is shown when the stream is back.
            with untimed():
                await shown
        await self._plugins.on_event(marked)

    async def _put(
        self,
        session: ActiveSession,
        mark: Mark,
        expected: Expected,
        reference: Reference | None,
    ) -> tuple[AttendanceMarked, asyncio.Future[None]]:
        """Ask plugins about a mark, and put it into the log's queue."""
        student = (session.id, mark.student_id)
        if self._hooks.ask_of_marks:
            await self._settled(student)
        before = session.marks.get(mark.student_id)
        try:
            mark = await self._hooks.accepted(session.info, mark, before)
        except MarkRefusedError:
            await self._log.entries.confirm(session, reference)
            raise
        entry: Document = {
            "kind": "mark",
            "studentId": mark.student_id,
            "status": mark.status,
            "by": mark.by,
        }
        if mark.via is not None:
            entry["via"] = mark.via
        marked = _marked(session, mark)
        shown = await self._log.entries.put(session, entry, mark, marked, expected, reference)
        if self._hooks.ask_of_marks:
            self._on_their_way[student] = shown
            shown.add_done_callback(lambda _: self._has_come(student, shown))
        return marked, shown

    async def _settled(self, student: tuple[ObjectId, str]) -> None:
        """Wait until a student's last mark is shown or refused, so that plugins are told of it."""
        if (shown := self._on_their_way.get(student)) is not None:
            with untimed():
                await asyncio.wait([shown])

    def _has_come(self, student: tuple[ObjectId, str], shown: asyncio.Future[None]) -> None:
        if self._on_their_way.get(student) is shown:
            del self._on_their_way[student]

    async def mark_rest(
        self, session: ActiveSession, status: str, by: str
    ) -> tuple[list[str], int]:
        """Mark everybody on the roll who has no mark, in one update, and wait until it is shown.

        Hooks that check marks are asked for each student; a student whose mark is refused stays
        without one.

        Args:
            session: The session.
            status: Code of the status.
            by: Id of the user who makes the marks.

        Returns:
            Ids of the students who got a mark, in the order of the numbers; and the last number,
            which is that of the change before when nobody got a mark.

        Raises:
            UnknownStatusError: The status is not registered.
            NoActiveSessionError: The session is over.
            DatabaseUnavailableError: The marks could not be stored.
        """
        if status not in self._hooks.statuses:
            raise UnknownStatusError(status)
        try:
            roll = await self._rolls.now(session.class_id)
        except ClassNotFoundError as error:
            raise NoActiveSessionError from error
        with claimed() as reference:
            made = [Mark(student_id, status, by) for student_id in sorted(roll.student_ids)]
            accepted = await self._hooks.accepted_of(session.info, made, session.marks)
            marks = {mark.student_id: mark for mark in accepted}
            events = {student: _marked(session, mark) for student, mark in marks.items()}
            marked, last = await self._log.rest.mark(session, marks, reference, events.__getitem__)
        for student_id in marked:
            await self._plugins.on_event(events[student_id])
        return marked, last

    async def summarise(self, session: ActiveSession) -> None:
        """Show the counts to the whole session.

        Args:
            session: The session.

        Raises:
            NoActiveSessionError: The session is over.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        with claimed() as reference:
            await self._log.entries.append(session, {"kind": "summary"}, reference=reference)

    async def show(
        self,
        session: ActiveSession,
        event: str,
        data: Mapping[str, object],
        *,
        to: str | Iterable[str] | None = None,
    ) -> None:
        """Show a plugin's own event on every server, in the order of the session.

        Args:
            session: The session.
            event: Name of the event, as the plugin declares it in a ``ServerMessage``.
            data: Content of ``data``; both JSON and MongoDB must be able to hold it.
            to: Ids of the users who get the event, or the name of an audience: ``class``,
                ``teachers``, or one that a plugin registers. None shows the event to everybody who
                follows the session.

        Raises:
            UnknownAudienceError: No plugin registers an audience with that name.
            NoActiveSessionError: The session is over.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        entry: Document = {"kind": "event", "event": event, "data": dict(data)}
        if to is not None:
            named = await self._hooks.audience(to, session.info) if isinstance(to, str) else to
            entry["to"] = sorted(set(named))
        await self._log.entries.append(session, entry)


async def _done_once(
    act: Callable[[ActiveSession], Awaitable[None]], session: ActiveSession
) -> None:
    """Act in a session, and answer again where that was done before."""
    try:
        await act(session)
    except AppliedError as applied:
        await answer_again(session, applied)
    except DomainError as error:
        # What was sent earlier comes first: in its answers, and in the session that is live now.
        await earlier_frames()
        error.beside = beside(session, session.seq)
        raise


def _marked(session: ActiveSession, mark: Mark) -> AttendanceMarked:
    return AttendanceMarked(
        str(session.id), str(session.class_id), mark.student_id, mark.status, mark.by, mark.via
    )
