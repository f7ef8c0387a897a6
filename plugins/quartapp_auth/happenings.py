"""The events of accounts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserRegistered:
    """Event: an account was created."""

    user_id: str
    role: str
