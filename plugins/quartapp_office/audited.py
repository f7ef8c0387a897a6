"""What the audit records of the office's day: who entered what for whom, and never the reason."""

from __future__ import annotations

from quartapp import AuditAction

_ABOUT = ("entry", "student")

ENTERED = AuditAction("office.absence-entered", about=_ABOUT, values=("date", "status"))
WITHDRAWN = AuditAction("office.absence-withdrawn", about=_ABOUT, values=("date", "status"))

ACTIONS = (ENTERED, WITHDRAWN)
