"""One update of a session document, and how it is shown where there is no stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import Document


ATTENDANCE_PREFIX = "attendance."


@dataclass(frozen=True, slots=True)
class Change:
    """One update of a session document.

    Attributes:
        session_id: Of which session.
        seq: Its number after the update.
        entries: What is to be shown, in order; see :mod:`quartapp_attendance.live.session_log`.
        state: The new state, if it changed.
        roll_version: The class's roll as the writer saw it, if that changed.
        summary: Final counts, if they were written.
    """

    session_id: ObjectId
    seq: int
    entries: tuple[Document, ...] = ()
    state: str | None = None
    roll_version: int | None = None
    summary: Document | None = None

    @property
    def size(self) -> int:
        """How many numbers the update took: one per entry, and one for a change of state."""
        return len(self.entries) or 1

    @classmethod
    def from_fields(cls, session_id: ObjectId, fields: Document) -> Change:
        """What the changed ``fields`` of a session document say."""
        return cls(
            session_id=session_id,
            seq=fields["seq"],
            entries=tuple(fields["signal"]["entries"]) if "signal" in fields else (),
            state=fields.get("state"),
            roll_version=fields.get("rollVersion"),
            summary=fields.get("summary"),
        )


class Echo(Protocol):
    """Shows what was written once MongoDB has acknowledged it, where no change stream does."""

    async def insert(self, document: Document) -> None:
        """Show that a session has begun.

        Args:
            document: The session as it was stored.
        """

    async def apply(self, change: Change) -> None:
        """Show one update of a session.

        Args:
            change: The update.
        """
