"""The use cases of attendance. This module knows no requests, no frames and no status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Attempt, DatabaseUnavailableError, DomainError, object_id
from quartapp_attendance.closing import Closing
from quartapp_attendance.errors import NoActiveSessionError, UnknownStatusError
from quartapp_attendance.happenings import AttendanceMarked, SessionStarted
from quartapp_attendance.live.session import ActiveSession
from quartapp_attendance.live.states import SessionState
from quartapp_attendance.records import Records
from quartapp_attendance.statuses import ANY
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

    from quartapp import Clock, Database, Document, Grants, Principal, Roles
    from quartapp_attendance.hook_calls import AttendanceHooks
    from quartapp_attendance.live.session_log import SessionLog
    from quartapp_attendance.live.sessions import LiveSessions
    from quartapp_attendance.statuses import Expected, Mark
    from quartapp_classes import ClassRoom, ClassService, Rolls


ARRIVAL_SECONDS = 2.0
MARKS = "marks:write"
SESSION_ACTIVE = "attendance session is active"
HAS_RECORDS = "class has attendance records"


class AttendanceService:
    """Roll calls.

    Args:
        database: The database that has the records.
        classes: Service of the classes.
        rolls: Rolls of the classes.
        sessions: The log of live sessions.
        live: The projection of the log in this process.
        hooks: Hooks of plugins, which check marks and receive events.
        scope: ``global`` for one live session in the system, ``class`` for one in each class.
        roles: Roles of the app, which decide who calls rolls.
        grants: Permissions that plugins give to other people.
        clock: Clock that decides when a closing counts as abandoned.

    Attributes:
        records: The attendance records of ended sessions.
        closing: The steps that end sessions.
    """

    def __init__(
        self,
        database: Database,
        classes: ClassService,
        rolls: Rolls,
        sessions: SessionLog,
        live: LiveSessions,
        hooks: AttendanceHooks,
        scope: str,
        roles: Roles,
        grants: Grants,
        clock: Clock,
    ) -> None:
        self.records = Records(database)
        self.closing = Closing(self.records, rolls, sessions, hooks, clock)
        self._classes = classes
        self._rolls = rolls
        self._log = sessions
        self._live = live
        self._hooks = hooks
        self._plugins = hooks.plugins
        self._scope = scope
        self._roles = roles
        self._grants = grants

    async def start(self, class_room: ClassRoom, attempt: Attempt | None = None) -> datetime:
        """Start a session for a class; do nothing when one is live already.

        Args:
            class_room: The class.
            attempt: The try that this call is; None for the first and only one.

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
        teacher_id = str(class_room.teacher_id)
        slot = "global" if self._scope == "global" else str(class_room.id)
        while True:
            found = await self._log.find({"slot": slot, "state": SessionState.ACTIVE})
            if found and found[0]["classId"] == class_room.id:
                await self._live.arrival(found[0]["_id"], ARRIVAL_SECONDS)
                return _started_at(found[0])
            if found:
                await self._supersede(found[0]["_id"])
                continue
            begun = await self._log.begin(slot, class_room.id, teacher_id, attempt.id)
            if begun is not None:
                break
        session_id = begun["_id"]
        try:
            await self._classes.get(str(class_room.id))
        except ClassNotFoundError:
            await self._supersede(session_id)
            raise
        await self._live.arrival(session_id, ARRIVAL_SECONDS)
        await self._plugins.on_event(
            SessionStarted(str(session_id), str(class_room.id), teacher_id)
        )
        return _started_at(begun)

    async def mark(self, session: ActiveSession, mark: Mark, expected: Expected = ANY) -> None:
        """Store a mark or take one back, and wait until this process has shown the change.

        Args:
            session: The session.
            mark: The mark; without a status, the student's mark is taken back.
            expected: Status that the student must have at this moment, None for no mark. The
                update itself compares, so no other mark comes between.

        Raises:
            ConflictError: The student has not the mark that was expected.
            NoActiveSessionError: The session is over.
            NotOnRollError: The student is not on the roll.
            UnknownStatusError: The status is not registered.
            MarkRefusedError: A plugin refuses the mark.
            DatabaseUnavailableError: The mark could not be stored.
        """
        if mark.status is not None and mark.status not in self._hooks.statuses:
            raise UnknownStatusError(mark.status)
        before = session.marks.get(mark.student_id)
        mark = await self._hooks.accepted(session.info, mark, before)
        entry: Document = {
            "kind": "mark",
            "studentId": mark.student_id,
            "status": mark.status,
            "by": mark.by,
        }
        if mark.via is not None:
            entry["via"] = mark.via
        marked = AttendanceMarked(
            str(session.id),
            str(session.class_id),
            mark.student_id,
            mark.status,
            mark.by,
            mark.via,
        )
        await self._log.append(session, entry, mark, marked, expected)
        await self._plugins.on_event(marked)

    async def summarise(self, session: ActiveSession) -> None:
        """Show the counts to the whole session.

        Args:
            session: The session.

        Raises:
            NoActiveSessionError: The session is over.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._log.append(session, {"kind": "summary"})

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
        await self._log.append(session, entry)

    async def done(self, session: ActiveSession) -> None:
        """End a session: count unmarked students as absent, store the records, and tell everybody.

        Args:
            session: The session.

        Raises:
            NoActiveSessionError: The session is over already.
            DatabaseUnavailableError: MongoDB did not answer in time. A closing that has begun is
                finished when MongoDB answers again.
        """
        document = await self._log.begin_closing(session.id, SessionState.CLOSED)
        if document is None:
            session.state = SessionState.CLOSING
            raise NoActiveSessionError
        await self.closing.to_the_end(document)
        # One number for closing and one for closed: after the second, the broadcast has been sent.
        await session.reached(document["seq"] + 1)

    async def session_for(
        self, principal: Principal, class_id: str | None, *, calling: bool | None = None
    ) -> ActiveSession:
        """Return the live session that the principal acts on.

        Args:
            principal: The user. A caller acts on a session that they started or that a plugin
                grants them; a student acts on a session of one of their classes.
            class_id: ``_id`` of the class, to choose among several sessions; None for the newest.
            calling: Whether the principal acts as the caller; None to decide by their role.

        Raises:
            NoActiveSessionError: No live session fits.
        """
        # This process may not know yet which of several sessions a teacher started last.
        by_role = self.calls_rolls(principal) if calling is None else calling
        ambiguous = self._scope == "class" and class_id is None and by_role
        found = None if ambiguous else await self._fitting(principal, class_id, by_role)
        # This process may know of no session yet, or not of a change in the roll.
        return found or await self._as_stored(principal, class_id, calling)

    def calls_rolls(self, principal: Principal) -> bool:
        """Tell whether the principal's role calls rolls, rather than being on them."""
        return MARKS in self._roles.permissions_of(principal.role)

    async def is_caller(self, principal: Principal, session: Document | ActiveSession) -> bool:
        """Tell whether the principal started the session, or a plugin lets them call this roll."""
        class_id: ObjectId
        if isinstance(session, ActiveSession):
            teacher, class_id = session.teacher_id, session.class_id
            version = session.roll_version
        else:
            teacher, class_id = str(session["teacherId"]), session["classId"]
            version = session["rollVersion"]
        if teacher == principal.id:
            return True
        return await self._grants.allow(principal, MARKS, {"class_id": str(class_id)}, version)

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
            await act(session)
        except DatabaseUnavailableError:
            raise  # a failure, not a refusal: repeating would fail again
        except DomainError:
            live = await self._as_stored(principal, class_id, calling)
            if live is session:
                raise
            await act(live)

    async def document_for(
        self, principal: Principal, class_id: str | None = None, *, calling: bool | None = None
    ) -> Document:
        """Return the document of the session that the principal acts on, as MongoDB has it now.

        Args:
            principal: The user, as for :meth:`session_for`.
            class_id: ``_id`` of the class, as for :meth:`session_for`.
            calling: Whether the principal acts as the caller, as for :meth:`session_for`.

        Raises:
            NoActiveSessionError: No live session fits.
        """
        by_role = self.calls_rolls(principal) if calling is None else calling
        found = await (self._called_by if by_role else self._attended_by)(principal, class_id)
        if found is None and calling is None and not by_role:
            found = await self._called_by(principal, class_id)
        if found is None:
            raise NoActiveSessionError
        return found

    async def _called_by(self, principal: Principal, class_id: str | None) -> Document | None:
        query: Document = {"state": SessionState.ACTIVE}
        if not self._grants.in_use:
            query["teacherId"] = ObjectId(principal.id)
        found = await self._find_active(query, class_id)
        for document in found:
            if str(document["teacherId"]) == principal.id:
                return document
        for document in found:
            if await self.is_caller(principal, document):
                return document
        return None

    async def _attended_by(self, principal: Principal, class_id: str | None) -> Document | None:
        enrolled = await self._rolls.classes_of(principal.id)
        query = {"state": SessionState.ACTIVE, "classId": {"$in": list(enrolled)}}
        return next(iter(await self._find_active(query, class_id)), None)

    async def _find_active(self, query: Document, class_id: str | None) -> list[Document]:
        wanted = self._named_class(class_id)
        found = await self._log.find(query, newest_first=True)
        return [document for document in found if wanted in (None, document["classId"])]

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

    async def _supersede(self, session_id: ObjectId) -> None:
        document = await self._log.begin_closing(session_id, SessionState.SUPERSEDED)
        if document is not None:
            await self.closing.to_the_end(document)

    async def _as_stored(
        self, principal: Principal, class_id: str | None, calling: bool | None
    ) -> ActiveSession:
        """Return the session that :meth:`document_for` finds, once this process knows it too."""
        document = await self.document_for(principal, class_id, calling=calling)
        found = await self._live.arrival(document["_id"], ARRIVAL_SECONDS)
        if found is None:
            raise NoActiveSessionError
        return found

    async def _fitting(
        self, principal: Principal, class_id: str | None, calling: bool
    ) -> ActiveSession | None:
        wanted = self._named_class(class_id)
        candidates = [
            session
            for session in self._live
            if session.state == SessionState.ACTIVE and wanted in (None, session.class_id)
        ]
        candidates.sort(key=lambda session: (session.started_at, session.id), reverse=True)
        if calling:
            for session in candidates:
                if session.teacher_id == principal.id:
                    return session
            for session in candidates:
                if await self.is_caller(principal, session):
                    return session
            return None
        for session in candidates:
            listed = session.audience is None or principal.id in session.audience
            if listed and await self._rolls.has(session.class_id, principal.id):
                return session
        return None

    def _named_class(self, class_id: str | None) -> ObjectId | None:
        return object_id(class_id) if class_id and self._scope == "class" else None


def _started_at(document: Document) -> datetime:
    started_at: datetime = document["startedAt"]
    return started_at
