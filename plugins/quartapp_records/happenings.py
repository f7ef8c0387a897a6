"""The events of records that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordCorrected:
    """Event: a record got another status, note or reason; ``before`` is None for a first record."""

    session_id: str
    class_id: str
    student_id: str
    before: str | None
    status: str
    v: int
    by: str
    via: str | None


@dataclass(frozen=True, slots=True)
class SessionFinished:
    """Event: the unmarked of a superseded or expired session got records."""

    session_id: str
    class_id: str
    by: str


@dataclass(frozen=True, slots=True)
class SessionAdded:
    """Event: a roll call was entered after the event."""

    session_id: str
    class_id: str
    date: str
    by: str


@dataclass(frozen=True, slots=True)
class SessionCancelled:
    """Event: a lesson was entered as cancelled."""

    session_id: str
    class_id: str
    date: str
    by: str


@dataclass(frozen=True, slots=True)
class RecordsLocked:
    """Event: records up to a day were locked; all were unlocked, when ``through`` is None.

    ``by`` is None for a command.
    """

    through: str | None
    by: str | None
