"""What the audit records of excuses: who decided what, and never the reason or the file."""

from __future__ import annotations

from quartapp import AuditAction

_ABOUT = ("excuse", "student")

HANDED_IN = AuditAction("excuses.handed-in", about=_ABOUT, values=("from", "to", "file"))
DECIDED = AuditAction("excuses.decided", about=_ABOUT, values=("state",))
WITHDRAWN = AuditAction("excuses.withdrawn", about=_ABOUT)

ACTIONS = (HANDED_IN, DECIDED, WITHDRAWN)
