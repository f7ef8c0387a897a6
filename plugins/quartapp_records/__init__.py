"""Ended sessions and their records: reading, corrections, completion after the event.

The names exported here are public; the modules below are internal.
"""

from quartapp_records.access import Access, Author
from quartapp_records.answers import Answers
from quartapp_records.changed import ChangedRecords, Seen
from quartapp_records.columns import Changing, Columns, Positions
from quartapp_records.correction_answers import CorrectionAnswers
from quartapp_records.corrections import Correction, Corrections
from quartapp_records.day_records import DayRecords
from quartapp_records.days import Days
from quartapp_records.errors import (
    EarlyDateError,
    EditWindowOverError,
    FutureDateError,
    NothingToFinishError,
    NotOnSessionRollError,
    ReasonNeededError,
    RecordChangedError,
    RecordsLockedError,
    RollUnknownError,
    SessionLiveError,
    SessionNotFoundError,
    SetByOfficeError,
    StatusNotAllowedError,
)
from quartapp_records.happenings import (
    RecordCorrected,
    RecordsLocked,
    SessionAdded,
    SessionCancelled,
    SessionFinished,
)
from quartapp_records.history import Histories
from quartapp_records.hookspecs import KnownExcuse
from quartapp_records.later import LaterSessions, Noted
from quartapp_records.lock import Lock, LockState
from quartapp_records.orders import Orders
from quartapp_records.register import NOBODY_MARKED, Register, Registers, RegisterSession
from quartapp_records.rows import NamedStudent, asked_days, named_students
from quartapp_records.sessions import SessionRecords, version_of
from quartapp_records.students import StudentRegisters

__all__ = [
    "NOBODY_MARKED",
    "Access",
    "Answers",
    "Author",
    "ChangedRecords",
    "Changing",
    "Columns",
    "Correction",
    "CorrectionAnswers",
    "Corrections",
    "DayRecords",
    "Days",
    "EarlyDateError",
    "EditWindowOverError",
    "FutureDateError",
    "Histories",
    "KnownExcuse",
    "LaterSessions",
    "Lock",
    "LockState",
    "NamedStudent",
    "NotOnSessionRollError",
    "Noted",
    "NothingToFinishError",
    "Orders",
    "Positions",
    "ReasonNeededError",
    "RecordChangedError",
    "RecordCorrected",
    "RecordsLocked",
    "RecordsLockedError",
    "Register",
    "RegisterSession",
    "Registers",
    "RollUnknownError",
    "Seen",
    "SessionAdded",
    "SessionCancelled",
    "SessionFinished",
    "SessionLiveError",
    "SessionNotFoundError",
    "SessionRecords",
    "SetByOfficeError",
    "StatusNotAllowedError",
    "StudentRegisters",
    "asked_days",
    "named_students",
    "version_of",
]
