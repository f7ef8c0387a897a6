"""What the audit records of mail."""

from __future__ import annotations

from quartapp import AuditAction

# Who asks is a client without a name, and nothing is looked up before the answer.
RESET_ASKED = AuditAction("mail.reset-asked")
RESET_ORDERED = AuditAction("mail.reset-ordered", about=("account",))

ACTIONS = (RESET_ASKED, RESET_ORDERED)
