"""The office's day: the absences of all classes, and statuses for many students at once.

The names exported here are public; the modules below are internal.
"""

from quartapp_office.absences import Absences, AbsentStudent, SeenAbsence
from quartapp_office.carrying import EnteredSession
from quartapp_office.entries import DayEntries, Entered, Wanted
from quartapp_office.errors import (
    EarlyEntryError,
    EntryNotFoundError,
    FarEntryError,
    RollCallEndingError,
    StudentPresentError,
)
from quartapp_office.happenings import AbsencesEntered, AbsencesWithdrawn

__all__ = [
    "Absences",
    "AbsencesEntered",
    "AbsencesWithdrawn",
    "AbsentStudent",
    "DayEntries",
    "EarlyEntryError",
    "Entered",
    "EnteredSession",
    "EntryNotFoundError",
    "FarEntryError",
    "RollCallEndingError",
    "SeenAbsence",
    "StudentPresentError",
    "Wanted",
]
