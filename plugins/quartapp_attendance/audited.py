"""What the audit records of roll calls: their start and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import AuditAction

if TYPE_CHECKING:
    from quartapp import AuditEntry, Document

STARTED = AuditAction("attendance.session-started", about=("session", "class"))
ENDED = AuditAction(
    "attendance.session-ended",
    about=("session", "class"),
    values=("state", "present", "absent", "total"),
)

ACTIONS = (STARTED, ENDED)


def started(session: Document) -> list[AuditEntry]:
    """Return the entry for the start of a session.

    Args:
        session: The session as it is stored.
    """
    return [STARTED.entry(str(session["teacherId"]), about=_about(session))]


def ended(session: Document, counts: Document | None) -> list[AuditEntry]:
    """Return the entry for the end of a session.

    Args:
        session: The session as it was stored before its end.
        counts: Final counts; None for a session without.
    """
    by = session.get("endedBy")
    shown = {name: (counts or {}).get(name) for name in ("present", "absent", "total")}
    return [
        ENDED.entry(
            None if by is None else str(by),
            about=_about(session),
            before={"state": "active"},
            after={"state": str(session["outcome"]), **shown},
        )
    ]


def _about(session: Document) -> Document:
    return {"session": session["_id"], "class": session["classId"]}
