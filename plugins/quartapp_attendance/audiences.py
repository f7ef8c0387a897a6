"""Audiences: groups of people to whom plugins show events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from quartapp_attendance.live.session import SessionInfo


@dataclass(frozen=True, slots=True)
class Audience:
    """A group of people around a session.

    Attributes:
        name: Name of the audience, unique in the app.
        members: Function that takes the session and returns the ids of the users in the group.
    """

    name: str
    members: Callable[[SessionInfo], Awaitable[Collection[str]]]
