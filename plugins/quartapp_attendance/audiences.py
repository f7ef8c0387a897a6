"""Audiences: groups of people to whom plugins show events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from quartapp_attendance.live.session import SessionInfo
    from quartapp_classes import Rolls, Teaching


@dataclass(frozen=True, slots=True)
class Audience:
    """A group of people around a session.

    Attributes:
        name: Name of the audience, unique in the app.
        members: Function that takes the session and returns the ids of the users in the group.
    """

    name: str
    members: Callable[[SessionInfo], Awaitable[Collection[str]]]


class Members:
    """The people of classes: those on the roll, and those who teach the class now.

    Args:
        rolls: Rolls of the classes.
        teaching: Teachers of the classes.
    """

    def __init__(self, rolls: Rolls, teaching: Teaching) -> None:
        self._rolls = rolls
        self._teaching = teaching

    async def of_class(self, class_id: ObjectId) -> frozenset[str]:
        """Return the ids of the students and teachers of a class, read from the database.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            ClassNotFoundError: The class does not exist.
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin that keeps rolls failed.
        """
        roll = await self._rolls.now(class_id)
        return roll.student_ids | await self._teaching.now(class_id)

    async def of_session(self, session: SessionInfo) -> Collection[str]:
        """Return the members of the audience ``class``."""
        return await self.of_class(ObjectId(session.class_id))

    async def teachers_of(self, session: SessionInfo) -> Collection[str]:
        """Return the members of the audience ``teachers``."""
        return await self._teaching.now(ObjectId(session.class_id))
