"""What plugins hear of roll calls through ``on_event``, once the database has it."""

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
    """Event: a mark was stored."""

    session_id: str
    class_id: str
    student_id: str
    status: str
    by: str
    via: str | None


@dataclass(frozen=True, slots=True)
class SessionDone:
    """Event: a roll call is over, its records are kept."""

    session_id: str
    class_id: str
    present: int
    absent: int
    total: int


@dataclass(frozen=True, slots=True)
class SessionSuperseded:
    """Event: a roll call had to make way for another; the marks made are kept."""

    session_id: str
    class_id: str
