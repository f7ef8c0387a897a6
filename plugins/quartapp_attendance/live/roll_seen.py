"""The roll that a write of marks relies on, without a read of the class for each mark.

A session has a field for the version of its class that the writers have seen. A write that relies
on a copy of a roll names the copy's version in its filter. Whoever changes the members of a class
replaces the field by a new id before they are answered: no write with an earlier copy fits any
more, and the next writer reads the roll and stores its version.

* A writer that reads takes the field first, then the roll, and writes only while the field is what
  it was. So no change that was answered comes between its read and its write.
* Versions only grow, and ids are new each time, so an earlier content of the field never returns.
* A process that dies between a change and the new id has answered nobody. Copies are then out of
  date for two seconds at most (:class:`quartapp_classes.Rolls`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp import Database, Document
    from quartapp_classes import Roll


ROLL_SEEN = "rollSeen"


@dataclass(frozen=True, slots=True)
class Basis:
    """The roll that a write relies on.

    Attributes:
        roll: The roll.
        terms: Terms of a filter that hold while nobody has changed the roll.
        seen: Fields to set, for writers that rely on a copy later.
        is_copy: Whether the roll may have changed already.
    """

    roll: Roll
    terms: Document = field(default_factory=dict)
    seen: Document = field(default_factory=dict)
    is_copy: bool = False

    @classmethod
    def copied(cls, roll: Roll) -> Basis:
        """Return the basis of a writer that has a copy.

        Args:
            roll: The copy.
        """
        return cls(roll, {ROLL_SEEN: roll.class_version}, is_copy=True)

    @classmethod
    def read(cls, before: object, roll: Roll) -> Basis:
        """Return the basis of a writer that has read the roll.

        Args:
            before: What the session's field had before the roll was read; None for nothing.
            roll: The roll.
        """
        return cls(roll, {ROLL_SEEN: before}, {ROLL_SEEN: roll.class_version})


async def members_changed(database: Database, class_ids: Iterable[str]) -> None:
    """Let no write to live sessions rely on earlier copies of rolls.

    Args:
        database: The database that has the sessions.
        class_ids: ``_id`` of each class whose members may have changed.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    classes = [ObjectId(class_id) for class_id in class_ids]
    async with database.operation():
        await database.documents["sessions"].update_many(
            {"classId": {"$in": classes}, "state": SessionState.ACTIVE},
            {"$set": {ROLL_SEEN: ObjectId()}},
        )
