"""The states of a session, as its document and its outcome name them."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """The stages of a session; only an active session takes marks."""

    ACTIVE = "active"
    CLOSING = "closing"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OUTCOMES = (
    SessionState.CLOSED,
    SessionState.SUPERSEDED,
    SessionState.EXPIRED,
    SessionState.CANCELLED,
)
"""The states of a session that has ended."""

LIVE = (SessionState.ACTIVE, SessionState.CLOSING)
"""The states of a session that has not ended."""
