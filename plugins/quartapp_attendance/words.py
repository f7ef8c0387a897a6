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
STATE = "SESSION_STATE"
"""The event of the whole session, for a client that comes back."""
STARTED = "SESSION_STARTED"
"""The event of the start of a session, in version 1 of frames."""
ENDED = "SESSION_ENDED"
"""The event of the end of a session without ``DONE``, in version 1 of frames."""
RESUMED = "RESUMED"
"""The event after what a client has missed, in version 1 of frames."""
MARK_REST = "MARK_REST"
"""The event with which a teacher marks everybody who has no mark."""
MARKED_REST = "MARKED_REST"
"""The event that answers :data:`MARK_REST` to its sender."""
ROLL_MARKED = "ROLL_MARKED"
"""The event of marks that were made together, in version 1 of frames."""


class Told(StrEnum):
    """Sentences that are part of the contract."""

    PERSISTED = "Attendance persisted"


# How far a client has come: the number of a broadcast, or such numbers by class.
CLASS_ID = "[0-9a-fA-F]{24}"
NUMBER = "[0-9]{1,16}"
MOST_CLASSES = 32
OF_CLASSES = f"{CLASS_ID}:{NUMBER}(,{CLASS_ID}:{NUMBER}){{0,{MOST_CLASSES - 1}}}"
SINCE = f"({NUMBER}|{OF_CLASSES})"
