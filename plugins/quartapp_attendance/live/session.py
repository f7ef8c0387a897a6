"""Live sessions as this process sees them: a projection of what MongoDB has.

Nothing here decides anything. Each change comes from the log, in the log's order, and is shown to
the sockets only then.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quartapp_attendance.live.recent import Recent
from quartapp_attendance.statuses import Mark

if TYPE_CHECKING:
    from datetime import datetime

    from bson import ObjectId

    from quartapp import Document


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

    @classmethod
    def of(cls, document: Document) -> SessionInfo:
        """Return the session in ``document``."""
        return cls(
            id=str(document["_id"]),
            class_id=str(document["classId"]),
            teacher_id=str(document["teacherId"]),
            started_at=document["startedAt"],
            seq=document["seq"],
        )


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
        marks: The mark by student id.
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
    marks: dict[str, Mark]
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
            marks={
                student_id: mark_of(student_id, mark)
                for student_id, mark in document["attendance"].items()
            },
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
            resolve(future)
        else:
            self._waiting.append((seq, future))

    def advance(self, seq: int) -> None:
        """Everything up to ``seq`` is in here now."""
        self.seq = seq
        still = []
        for wanted, future in self._waiting:
            if wanted <= seq:
                resolve(future)
            else:
                still.append((wanted, future))
        self._waiting = still

    def end(self) -> None:
        """No change follows."""
        self.over = True
        for _, future in self._waiting:
            resolve(future)
        self._waiting = []


def resolve(future: asyncio.Future[None]) -> None:
    """Let whoever waits for ``future`` go on; harmless when nobody does any more."""
    if not future.done():
        future.set_result(None)


def statuses(document: Document) -> dict[str, str]:
    """Status by student id, of a session document."""
    return {student: mark["status"] for student, mark in document["attendance"].items()}


def mark_of(student_id: str, stored: Document) -> Mark:
    """Return a mark as a session document, or an entry of the log, has it."""
    return Mark(student_id, stored["status"], str(stored["by"]), stored.get("via"))
