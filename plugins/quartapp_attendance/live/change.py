"""An update of a session document, and its display where MongoDB has no change stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Document


ATTENDANCE_PREFIX = "attendance."


@dataclass(frozen=True, slots=True)
class Change:
    """An update of a session document.

    Attributes:
        session_id: ``_id`` of the session.
        seq: Number of the session's last change after the update.
        entries: Entries to show, in order; see :mod:`quartapp_attendance.live.session_log`.
        state: The new state; None when the update does not change the state.
        roll_version: Version of the roll as the writer saw it; None when it did not change.
        summary: Final counts; None when the update has none.
    """

    session_id: ObjectId
    seq: int
    entries: tuple[Document, ...] = ()
    state: str | None = None
    roll_version: int | None = None
    summary: Document | None = None

    @property
    def size(self) -> int:
        """Amount of numbers that the update took: one for each entry or a change of state."""
        return len(self.entries) or 1

    @classmethod
    def from_fields(cls, session_id: ObjectId, fields: Document) -> Change:
        """Return the change that a session document's changed fields describe.

        Args:
            session_id: ``_id`` of the session.
            fields: The changed fields, with their new values.
        """
        return cls(
            session_id=session_id,
            seq=fields["seq"],
            entries=tuple(fields["signal"]["entries"]) if "signal" in fields else (),
            state=fields.get("state"),
            roll_version=fields.get("rollVersion"),
            summary=fields.get("summary"),
        )


class Echo(Protocol):
    """The display of acknowledged writes, for a MongoDB without change streams."""

    async def insert(self, document: Document) -> None:
        """Show that a session has begun.

        Args:
            document: The session as stored.
        """

    async def apply(self, change: Change) -> None:
        """Show an update of a session.

        Args:
            change: The update.
        """
