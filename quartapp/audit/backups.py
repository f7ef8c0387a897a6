"""The entries of backups: who takes all data away, and who brings other data, is on record."""

from __future__ import annotations

from quartapp.audit.action import AuditAction

BACKED_UP = AuditAction("quartapp.backed-up", values=("encrypted",))
"""A backup that is about to be made."""

RESTORED = AuditAction("quartapp.restored", values=("made",))
"""A backup that was restored, and the moment in UTC when it was made."""
