"""The names of a roll call's events, and the sentences that the server sends."""

from __future__ import annotations

from enum import StrEnum

MARKED = "ATTENDANCE_MARKED"
SUMMARY = "TODAY_SUMMARY"
MY_ATTENDANCE = "MY_ATTENDANCE"
DONE = "DONE"


class Told(StrEnum):
    """Sentences that are part of the contract."""

    PERSISTED = "Attendance persisted"
