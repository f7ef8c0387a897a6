"""Terms, holidays and meetings of classes, and the roll calls that are missing.

The names exported here are public; the modules below are internal.
"""

from quartapp_calendar.errors import (
    HolidayNotFoundError,
    ImportNotFoundError,
    MeetingNotFoundError,
    NotInstalledError,
    TermInUseError,
    TermNotFoundError,
    TermOverlapsError,
    TooManyError,
    UnreadableCalendarError,
)
from quartapp_calendar.happenings import HolidaysChanged, MeetingsChanged, TermsChanged
from quartapp_calendar.holidays import Holiday, Holidays, Import
from quartapp_calendar.ical import Span
from quartapp_calendar.meetings import Meeting, Meetings
from quartapp_calendar.planning import NotTaken, PlannedMeeting, Planning
from quartapp_calendar.reading import CalendarReader
from quartapp_calendar.schemas import MeetingBody, SpanBody
from quartapp_calendar.terms import Term, Terms

__all__ = [
    "CalendarReader",
    "Holiday",
    "HolidayNotFoundError",
    "Holidays",
    "HolidaysChanged",
    "Import",
    "ImportNotFoundError",
    "Meeting",
    "MeetingBody",
    "MeetingNotFoundError",
    "Meetings",
    "MeetingsChanged",
    "NotInstalledError",
    "NotTaken",
    "PlannedMeeting",
    "Planning",
    "Span",
    "SpanBody",
    "Term",
    "TermInUseError",
    "TermNotFoundError",
    "TermOverlapsError",
    "Terms",
    "TermsChanged",
    "TooManyError",
    "UnreadableCalendarError",
]
