"""What the audit records of calendars: who changed which days, and never a text of people."""

from __future__ import annotations

from quartapp import AuditAction

_DAYS = ("from", "to")

TERM_CREATED = AuditAction("calendar.term-created", about=("term",), values=_DAYS)
TERM_CHANGED = AuditAction("calendar.term-changed", about=("term",), values=_DAYS)
TERM_DELETED = AuditAction("calendar.term-deleted", about=("term",), values=_DAYS)
HOLIDAY_CREATED = AuditAction("calendar.holiday-created", about=("holiday",), values=_DAYS)
HOLIDAY_DELETED = AuditAction("calendar.holiday-deleted", about=("holiday",), values=_DAYS)
IMPORTED = AuditAction("calendar.holidays-imported", values=("holidays",))
IMPORT_DELETED = AuditAction("calendar.import-deleted", values=("holidays",))
MEETING_ADDED = AuditAction(
    "calendar.meeting-added", about=("class", "meeting"), values=("weekday", *_DAYS)
)
MEETING_DELETED = AuditAction(
    "calendar.meeting-deleted", about=("class", "meeting"), values=("weekday", *_DAYS)
)

ACTIONS = (
    TERM_CREATED,
    TERM_CHANGED,
    TERM_DELETED,
    HOLIDAY_CREATED,
    HOLIDAY_DELETED,
    IMPORTED,
    IMPORT_DELETED,
    MEETING_ADDED,
    MEETING_DELETED,
)
