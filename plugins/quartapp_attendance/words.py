"""The names of a roll call's events, and the sentences that the server sends."""

from __future__ import annotations

from enum import StrEnum

MARKED = "ATTENDANCE_MARKED"
"""The event of a mark: from the teacher, and to everybody."""
SUMMARY = "TODAY_SUMMARY"
"""The event of the counts so far: the teacher's question, and the answer to everybody."""
MY_ATTENDANCE = "MY_ATTENDANCE"
"""The event of a student's own status: the question, and the answer to the student alone."""
DONE = "DONE"
"""The event of the end of a session: from the teacher, and with the final counts to everybody."""


class Told(StrEnum):
    """Sentences that are part of the contract."""

    PERSISTED = "Attendance persisted"
