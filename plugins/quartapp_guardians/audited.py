"""What the audit records of guardians: never a name or an address."""

from __future__ import annotations

from quartapp import AuditAction

_ABOUT = ("guardian", "student")
_NOTICE = ("notice", "guardian", "student")

ADDED = AuditAction("guardians.added", about=_ABOUT)
CHANGED = AuditAction("guardians.changed", about=_ABOUT)
REMOVED = AuditAction("guardians.removed", about=_ABOUT)
ORDERED = AuditAction("guardians.notice-ordered", about=_NOTICE, values=("date",))
SENT = AuditAction("guardians.notice-sent", about=_NOTICE, values=("date", "sessions"))
DROPPED = AuditAction("guardians.notice-dropped", about=_NOTICE, values=("date", "why"))

ACTIONS = (ADDED, CHANGED, REMOVED, ORDERED, SENT, DROPPED)
