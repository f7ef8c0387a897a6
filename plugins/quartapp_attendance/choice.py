"""The choice of the live session that a person acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_attendance.errors import NoActiveSessionError
from quartapp_attendance.live.session import ActiveSession, SessionInfo
from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from quartapp import Document, Grants, Principal, Roles
    from quartapp_attendance.expiry import Expiry
    from quartapp_attendance.live.session_log import SessionLog
    from quartapp_attendance.live.sessions import LiveSessions
    from quartapp_classes import Rolls, Teaching

ARRIVAL_SECONDS = 2.0
MARKS = "marks:write"
# Whoever has this by role may read the live session of every class.
EVERY_MARK = "marks:read"


class SessionChoice:
    """Finds the session of a person among those that are live.

    Args:
        rolls: Rolls of the classes.
        teaching: Teachers of the classes.
        sessions: The log of live sessions.
        live: The projection of the log in this process.
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
        scope: str,
        roles: Roles,
        grants: Grants,
        expiry: Expiry,
    ) -> None:
        self._rolls = rolls
        self._teaching = teaching
        self._log = sessions
        self._live = live
        self._scope = scope
        self._roles = roles
        self._grants = grants
        self._expiry = expiry

    async def session_for(
        self, principal: Principal, class_id: str | None, *, calling: bool | None = None
    ) -> ActiveSession:
        """Return the live session that the principal acts on.

        Args:
            principal: The user. A caller acts on a session of a class that they teach now, or that
                a plugin grants them; a student acts on a session of one of their classes.
            class_id: ``_id`` of the class, to choose among several sessions; None for the one that
                a caller has started, and else for the newest.
            calling: Whether the principal acts as the caller; None to decide by their role.

        Raises:
            NoActiveSessionError: No live session fits.
        """
        # This process may not know yet which of several sessions is the newest of the principal.
        by_role = self.calls_rolls(principal) if calling is None else calling
        ambiguous = self._scope == "class" and class_id is None
        found = None if ambiguous else await self._fitting(principal, class_id, by_role)
        # This process may know of no session yet, or not of a change in the roll.
        return found or await self._as_stored(principal, class_id, calling)

    async def live_session(self, session_id: ObjectId) -> ActiveSession:
        """Return a live session by its id, for plugins that act for nobody in particular.

        Args:
            session_id: ``_id`` of the session.

        Raises:
            NoActiveSessionError: The session has ended, or this process does not hear of it in
                time.
        """
        found = await self._live.arrival(session_id, ARRIVAL_SECONDS)
        if found is None:
            raise NoActiveSessionError
        return found

    def calls_rolls(self, principal: Principal) -> bool:
        """Tell whether the principal's role calls rolls, rather than being on them."""
        return MARKS in self._roles.permissions_of(principal.role)

    async def is_caller(self, principal: Principal, session: Document | ActiveSession) -> bool:
        """Tell whether the principal teaches the class now, or a plugin lets them call this roll.

        Who has started the session does not matter, unless the class was deleted under it.
        """
        class_id, version = _class_of(session)
        if await self._teaching.teaches(class_id, principal.id):
            return True
        if _starter_of(session) == principal.id and not await self._teaching.now(class_id):
            return True
        return await self._grants.allow(principal, MARKS, {"class_id": str(class_id)}, version)

    async def shown_to(
        self, principal: Principal, session: Document | ActiveSession
    ) -> Callable[[dict[str, str]], dict[str, str]]:
        """Return the function that leaves those marks of a session that a principal may see.

        Callers and whoever reads every session see all marks, and everybody else sees their own.

        Args:
            principal: The user.
            session: The session.
        """
        if self._reads_all(principal) or await self.is_caller(principal, session):
            return lambda marks: marks
        own = principal.id
        return lambda marks: {own: marks[own]} if own in marks else {}

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

    async def document_to_read(self, principal: Principal, class_id: str | None = None) -> Document:
        """Return the document of the session that the principal may read.

        Whoever reads every session, and acts on none, gets the newest.

        Args:
            principal: The user, as for :meth:`session_for`.
            class_id: ``_id`` of the class, as for :meth:`session_for`.

        Raises:
            NoActiveSessionError: No live session fits.
        """
        try:
            return await self.document_for(principal, class_id)
        except NoActiveSessionError:
            if not self._reads_all(principal):
                raise
        found = await self._find_active({"state": SessionState.ACTIVE}, class_id)
        if not found:
            raise NoActiveSessionError
        return found[0]

    async def live_in(self, class_ids: Collection[ObjectId]) -> list[SessionInfo]:
        """Return the live sessions of classes, newest first.

        Args:
            class_ids: ``_id`` of each class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query = {"state": SessionState.ACTIVE, "classId": {"$in": [*class_ids]}}
        return [SessionInfo.of(document) for document in await self._find_active(query, None)]

    async def ended_by_start(self, class_id: ObjectId) -> SessionInfo | None:
        """Return the live session of another class that a start for this class would end.

        In scope ``class`` there is none, and in scope ``global`` a session of another day that has
        lasted for hours does not count.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self._scope == "class":
            return None
        for document in await self._find_active({"state": SessionState.ACTIVE}, None):
            other = document["classId"] != class_id
            if other and not self._expiry.before_start(document["startedAt"]):
                return SessionInfo.of(document)
        return None

    def _reads_all(self, principal: Principal) -> bool:
        return EVERY_MARK in self._roles.permissions_of(principal.role)

    async def _called_by(self, principal: Principal, class_id: str | None) -> Document | None:
        taught = await self._teaching.classes_of(principal.id)
        query: Document = {"state": SessionState.ACTIVE}
        if not self._grants.in_use:
            started = {"teacherId": ObjectId(principal.id)}
            query["$or"] = [{"classId": {"$in": list(taught)}}, started]
        found = await self._find_active(query, class_id)
        # The sort is stable: the others stay in their order, newest first.
        for document in sorted(found, key=lambda one: _starter_of(one) != principal.id):
            if document["classId"] in taught or await self.is_caller(principal, document):
                return document
        return None

    async def _attended_by(self, principal: Principal, class_id: str | None) -> Document | None:
        enrolled = await self._rolls.classes_of(principal.id)
        query = {"state": SessionState.ACTIVE, "classId": {"$in": list(enrolled)}}
        return next(iter(await self._find_active(query, class_id)), None)

    async def _find_active(self, query: Document, class_id: str | None) -> list[Document]:
        wanted = self._named_class(class_id)
        found = await self._log.find(query, newest_first=True)
        last_start, live = self._expiry.last_start, []
        for document in found:
            if document["startedAt"] <= last_start:
                await self._expiry.end(document["_id"])
            elif wanted in (None, document["classId"]):
                live.append(document)
        return live

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
        wanted, last_start = self._named_class(class_id), self._expiry.last_start
        candidates = [
            session
            for session in self._live
            if session.state == SessionState.ACTIVE
            and session.started_at > last_start
            and wanted in (None, session.class_id)
        ]
        candidates.sort(key=lambda session: (session.started_at, session.id), reverse=True)
        if calling:
            candidates.sort(key=lambda session: session.teacher_id != principal.id)
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


def _class_of(session: Document | ActiveSession) -> tuple[ObjectId, int | None]:
    """Return the class of a session, and the version of its roll and teachers."""
    if isinstance(session, ActiveSession):
        return session.class_id, session.roll_version
    return session["classId"], session["rollVersion"]


def _starter_of(session: Document | ActiveSession) -> str:
    if isinstance(session, ActiveSession):
        return session.teacher_id
    return str(session["teacherId"])
