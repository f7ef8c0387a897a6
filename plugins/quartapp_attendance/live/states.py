"""The states of a session, as its document and its outcome name them."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """Where a session is in its life; only an active one takes marks."""

    ACTIVE = "active"
    CLOSING = "closing"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
