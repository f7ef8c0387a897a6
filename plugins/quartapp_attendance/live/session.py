"""A process's view of live sessions: a projection of the documents in MongoDB.

This module decides nothing. Each change comes from the log, in the order of the log, and only then
reaches the sockets.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quartapp import untimed
from quartapp_attendance.live.broadcasts import KeptBroadcasts
from quartapp_attendance.statuses import Mark

if TYPE_CHECKING:
    from datetime import date, datetime

    from bson import ObjectId

    from quartapp import Document


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A live session, for hooks.

    Attributes:
        id: ``_id`` of the session.
        class_id: ``_id`` of the class whose roll is called.
        teacher_id: Id of the user who started the session.
        started_at: Start of the session, in UTC.
        seq: Number of the last change that this process has seen.
    """

    id: str
    class_id: str
    teacher_id: str
    started_at: datetime
    seq: int

    @classmethod
    def of(cls, document: Document) -> SessionInfo:
        """Return the session that a document describes."""
        return cls(
            id=str(document["_id"]),
            class_id=str(document["classId"]),
            teacher_id=str(document["teacherId"]),
            started_at=document["startedAt"],
            seq=document["seq"],
        )


@dataclass(eq=False, slots=True)
class ActiveSession:
    """A session that is live or being closed.

    Attributes:
        id: ``_id`` of the session.
        class_id: ``_id`` of the class whose roll is called.
        teacher_id: Id of the user who started the session.
        state: ``active`` or ``closing``.
        seq: Number of the last change that this object contains.
        started_at: Start of the session, in UTC.
        roll_version: Version of the roll and the teachers from which ``audience`` was made.
        attendance: Statuses by student id.
        marks: Marks by student id.
        broadcasts: The last broadcasts.
        audience: Ids of the users who get the broadcasts; None for everybody.
        audience_day: Local day for which ``audience`` was made.
        over: Whether the session has ended.
        roll_seen: Version of the class with which this process has written; None before.
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
    broadcasts: KeptBroadcasts
    audience: frozenset[str] | None = None
    audience_day: date | None = None
    over: bool = False
    roll_seen: int | None = None
    _waiting: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    @classmethod
    def from_document(cls, document: Document, *, begun: bool = False) -> ActiveSession:
        """Return the session that a document describes.

        Args:
            document: The session as stored.
            begun: Whether the session has just begun.
        """
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
            broadcasts=KeptBroadcasts(document["seq"], from_beginning=begun),
        )

    @property
    def info(self) -> SessionInfo:
        """The session as plugins see it."""
        return SessionInfo(
            str(self.id), str(self.class_id), self.teacher_id, self.started_at, self.seq
        )

    def show(self, mark: Mark) -> None:
        """Take over a mark that the log contains.

        Args:
            mark: The mark; without a status, the student's mark was taken back.
        """
        if mark.status is None:
            self.attendance.pop(mark.student_id, None)
            self.marks.pop(mark.student_id, None)
        else:
            self.attendance[mark.student_id] = mark.status
            self.marks[mark.student_id] = mark

    async def reached(self, seq: int) -> None:
        """Wait until this object contains a change, or the session is over.

        Args:
            seq: Number of the change.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.resolve_at(seq, future)
        try:
            with untimed():
                await future
        except asyncio.CancelledError:
            # A number that never comes must not keep the futures of callers who have left.
            with suppress(ValueError):
                self._waiting.remove((seq, future))
            raise

    def resolve_at(self, seq: int, future: asyncio.Future[None]) -> None:
        """Resolve a future when this object contains a change, or the session is over.

        Args:
            seq: Number of the change.
            future: The future to resolve.
        """
        if self.over or self.seq >= seq:
            resolve(future)
        else:
            self._waiting.append((seq, future))

    def advance(self, seq: int) -> None:
        """Note that all changes up to a number are applied.

        Args:
            seq: Number of the last applied change.
        """
        self.seq = seq
        still = []
        for wanted, future in self._waiting:
            if wanted <= seq:
                resolve(future)
            else:
                still.append((wanted, future))
        self._waiting = still

    def forget(self) -> None:
        """Let nobody wait for numbers that may never come, as the session was put back."""
        for _, future in self._waiting:
            resolve(future)
        self._waiting = []

    def end(self) -> None:
        """Note that the session is over."""
        self.over = True
        self.forget()


def resolve(future: asyncio.Future[None]) -> None:
    """Resolve a future, unless it is done or cancelled already."""
    if not future.done():
        future.set_result(None)


def statuses(document: Document) -> dict[str, str]:
    """Return the statuses in a session document, by student id."""
    return {student: mark["status"] for student, mark in document["attendance"].items()}


def mark_of(student_id: str, stored: Document) -> Mark:
    """Return the mark that a session document or an entry of the log describes.

    Args:
        student_id: Id of the marked student.
        stored: The stored mark.
    """
    return Mark(student_id, stored["status"], str(stored["by"]), stored.get("via"))
