"""What the audit records of records: each change after the end of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import AuditAction

if TYPE_CHECKING:
    from quartapp import AuditEntry
    from quartapp_records.happenings import RecordCorrected

CORRECTED = AuditAction(
    "records.corrected", about=("session", "class", "student"), values=("status", "v")
)
FINISHED = AuditAction("records.session-finished", about=("session", "class"))
ADDED = AuditAction("records.session-added", about=("session", "class"), values=("date",))
CANCELLED = AuditAction("records.session-cancelled", about=("session", "class"), values=("date",))
LOCKED = AuditAction("records.locked", values=("through",))

ACTIONS = (CORRECTED, FINISHED, ADDED, CANCELLED, LOCKED)


def corrected(event: RecordCorrected) -> AuditEntry:
    """Return the entry for a correction.

    Args:
        event: What plugins are told of the correction.
    """
    return CORRECTED.entry(
        event.by,
        about={
            "session": event.session_id,
            "class": event.class_id,
            "student": event.student_id,
        },
        before={"status": event.before, "v": event.v - 1},
        after={"status": event.status, "v": event.v},
    )
