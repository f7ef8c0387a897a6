"""Live roll calls, and their records.

The names exported here are public; the modules below are internal.
"""

from quartapp_attendance.audiences import Audience
from quartapp_attendance.errors import (
    ConflictError,
    MarkRefusedError,
    NoActiveSessionError,
    NotOnRollError,
    TooManyReferencesError,
    UnknownAudienceError,
    UnknownStatusError,
)
from quartapp_attendance.events import NO_SESSION, NOT_ON_ROLL, TOO_MANY_REFERENCES, marked_message
from quartapp_attendance.happenings import (
    AttendanceMarked,
    SessionDone,
    SessionExpired,
    SessionStarted,
    SessionSuperseded,
)
from quartapp_attendance.live.session import ActiveSession, SessionInfo
from quartapp_attendance.live.states import OUTCOMES, SessionState
from quartapp_attendance.models import AttendanceRecord, Session
from quartapp_attendance.records import UNMARKED
from quartapp_attendance.schemas import Schemas, SessionEvent
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.statuses import (
    ANY,
    CODE_PATTERN,
    TEACHER,
    Expected,
    Mark,
    Status,
    StatusRegistry,
    Violation,
)
from quartapp_attendance.taken import TakenSessions
from quartapp_attendance.words import DONE, MARKED, MY_ATTENDANCE, SUMMARY

__all__ = [
    "ANY",
    "CODE_PATTERN",
    "DONE",
    "MARKED",
    "MY_ATTENDANCE",
    "NOT_ON_ROLL",
    "NO_SESSION",
    "OUTCOMES",
    "SUMMARY",
    "TEACHER",
    "TOO_MANY_REFERENCES",
    "UNMARKED",
    "ActiveSession",
    "AttendanceMarked",
    "AttendanceRecord",
    "AttendanceService",
    "Audience",
    "ConflictError",
    "Expected",
    "Mark",
    "MarkRefusedError",
    "NoActiveSessionError",
    "NotOnRollError",
    "Schemas",
    "Session",
    "SessionDone",
    "SessionEvent",
    "SessionExpired",
    "SessionInfo",
    "SessionStarted",
    "SessionState",
    "SessionSuperseded",
    "Status",
    "StatusRegistry",
    "TakenSessions",
    "TooManyReferencesError",
    "UnknownAudienceError",
    "UnknownStatusError",
    "Violation",
    "marked_message",
]
