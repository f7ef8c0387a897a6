"""The events of roll calls that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """Event: a roll call began."""

    session_id: str
    class_id: str
    teacher_id: str


@dataclass(frozen=True, slots=True)
class AttendanceMarked:
    """Event: a mark was stored; taken back, when ``status`` is None."""

    session_id: str
    class_id: str
    student_id: str
    status: str | None
    by: str
    via: str | None


@dataclass(frozen=True, slots=True)
class SessionDone:
    """Event: a roll call has ended, and its records are stored."""

    session_id: str
    class_id: str
    present: int
    absent: int
    total: int


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Event: a roll call ended because of its age; its marks are kept, and are what is counted."""

    session_id: str
    class_id: str
    present: int
    absent: int
    total: int


@dataclass(frozen=True, slots=True)
class SessionSuperseded:
    """Event: a roll call was ended by the start of another; its marks are kept."""

    session_id: str
    class_id: str
