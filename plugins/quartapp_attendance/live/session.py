"""Live sessions as this process sees them: a projection of what MongoDB has.

Nothing here decides anything. Each change comes from the log, in the log's order, and is shown to
the sockets only then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from quartapp_attendance.live.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bson import ObjectId

Document = dict[str, Any]

# Sessions that ended here lately: nobody waits for one of them to begin.
REMEMBERED = 256
# Those of them whose last broadcasts are kept, for who was away when they ended.
KEPT = 32

ATTENDANCE_PREFIX = "attendance."


@dataclass(frozen=True, slots=True)
class Change:
    """One update of a session document.

    Attributes:
        session_id: Of which session.
        seq: Its number after the update.
        entries: What is to be shown, in order; see :mod:`quartapp_attendance.live.session_log`.
        state: The new state, if it changed.
        roll_version: The class's roll as the writer saw it, if that changed.
        summary: Final counts, if they were written.
    """

    session_id: ObjectId
    seq: int
    entries: tuple[Document, ...] = ()
    state: str | None = None
    roll_version: int | None = None
    summary: Document | None = None

    @property
    def size(self) -> int:
        """How many numbers the update took: one per entry, and one for a change of state."""
        return len(self.entries) or 1

    @classmethod
    def from_fields(cls, session_id: ObjectId, fields: Document) -> Change:
        """What the changed ``fields`` of a session document say."""
        return cls(
            session_id=session_id,
            seq=fields["seq"],
            entries=tuple(fields["signal"]["entries"]) if "signal" in fields else (),
            state=fields.get("state"),
            roll_version=fields.get("rollVersion"),
            summary=fields.get("summary"),
        )


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A live session, as hooks see it.

    Attributes:
        id: The session's ``_id``.
        class_id: Whose roll is called.
        teacher_id: Who started it.
        started_at: When it was started, UTC.
        seq: Number of the last change that this process has seen.
    """

    id: str
    class_id: str
    teacher_id: str
    started_at: datetime
    seq: int


@dataclass(eq=False, slots=True)
class ActiveSession:
    """A session that is live, or being closed.

    Attributes:
        id: The session's ``_id``.
        class_id: Whose roll is called.
        teacher_id: Who started it.
        state: ``active`` or ``closing``.
        seq: Number of the last change that is in here.
        started_at: When it was started.
        roll_version: The roll that ``audience`` was made of.
        attendance: Status by student id.
        recent: Its last broadcasts.
        audience: Ids of the users who get its broadcasts; None for everybody.
        over: Whether it is live no longer.
    """

    id: ObjectId
    class_id: ObjectId
    teacher_id: str
    state: str
    seq: int
    started_at: datetime
    roll_version: int | None
    attendance: dict[str, str]
    recent: Recent
    audience: frozenset[str] | None = None
    over: bool = False
    _waiting: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    @classmethod
    def from_document(cls, document: Document, *, begun: bool = False) -> ActiveSession:
        """The session in ``document``, which says whether it has just ``begun``."""
        return cls(
            id=document["_id"],
            class_id=document["classId"],
            teacher_id=str(document["teacherId"]),
            state=document["state"],
            seq=document["seq"],
            started_at=document["startedAt"],
            roll_version=document.get("rollVersion"),
            attendance=statuses(document),
            recent=Recent(document["seq"], from_beginning=begun),
        )

    @property
    def info(self) -> SessionInfo:
        """What plugins may know of it."""
        return SessionInfo(
            str(self.id), str(self.class_id), self.teacher_id, self.started_at, self.seq
        )

    async def reached(self, seq: int) -> None:
        """Wait until change ``seq`` is in here, or the session is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.resolve_at(seq, future)
        try:
            await future
        except asyncio.CancelledError:
            # A number that never comes must not be waited for by nobody, for ever.
            with suppress(ValueError):
                self._waiting.remove((seq, future))
            raise

    def resolve_at(self, seq: int, future: asyncio.Future[None]) -> None:
        """Like :meth:`reached`, for somebody who waits for ``future``."""
        if self.over or self.seq >= seq:
            _resolve(future)
        else:
            self._waiting.append((seq, future))

    def advance(self, seq: int) -> None:
        """Everything up to ``seq`` is in here now."""
        self.seq = seq
        still = []
        for wanted, future in self._waiting:
            if wanted <= seq:
                _resolve(future)
            else:
                still.append((wanted, future))
        self._waiting = still

    def end(self) -> None:
        """No change follows."""
        self.over = True
        for _, future in self._waiting:
            _resolve(future)
        self._waiting = []


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def statuses(document: Document) -> dict[str, str]:
    """Status by student id, of a session document."""
    return {student: mark["status"] for student, mark in document["attendance"].items()}


class LiveSessions:
    """The sessions that this process knows to be live."""

    def __init__(self) -> None:
        self._by_id: dict[ObjectId, ActiveSession] = {}
        self._arrivals: dict[ObjectId, list[asyncio.Future[None]]] = {}
        self._gone: deque[ObjectId] = deque(maxlen=REMEMBERED)
        self._ended: deque[ActiveSession] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[ActiveSession]:
        return iter(list(self._by_id.values()))

    def get(self, session_id: ObjectId) -> ActiveSession | None:
        """The session with that id, if it is live here."""
        return self._by_id.get(session_id)

    def add(self, session: ActiveSession) -> None:
        """``session`` has begun."""
        self._by_id[session.id] = session
        for future in self._arrivals.pop(session.id, ()):
            _resolve(future)

    def remove(self, session: ActiveSession) -> None:
        """``session`` is over."""
        self._by_id.pop(session.id, None)
        self._gone.append(session.id)
        self._ended.append(session)
        session.end()

    def left(self, user_id: str, seq: int) -> ActiveSession | None:
        """A session that ended, or is about to, and that somebody followed up to a number.

        Args:
            user_id: One of those who got its broadcasts.
            seq: A number of the session.

        Returns:
            The session, if it ended here lately and what followed that number is known.
        """
        for session in chain(self, reversed(self._ended)):
            concerned = session.audience is None or user_id in session.audience
            known = 0 < seq <= session.seq and session.recent.since(seq) is not None
            if (session.over or session.state != "active") and concerned and known:
                return session
        return None

    async def arrival(self, session_id: ObjectId, seconds: float) -> ActiveSession | None:
        """The session, as soon as the stream has brought it; None when it does not within time."""
        if session_id not in self._by_id and session_id not in self._gone:
            future = asyncio.get_running_loop().create_future()
            self._arrivals.setdefault(session_id, []).append(future)
            try:
                await asyncio.wait_for(future, seconds)
            except TimeoutError:
                waiting = self._arrivals.get(session_id, [])
                if future in waiting:
                    waiting.remove(future)
                if not waiting:
                    self._arrivals.pop(session_id, None)
        return self._by_id.get(session_id)
