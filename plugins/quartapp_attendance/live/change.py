"""An update of a session document, and its display where MongoDB has no change stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import bson

from quartapp_attendance.live.counting import OFF_ROLL, with_off_roll

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
        size: Amount of numbers that the update took: one for each mark or other entry, or one for
            a change of state.
        state: The new state; None when the update does not change the state.
        roll_version: Version of the roll as the writer saw it; None when it did not change.
        summary: Final counts; None when the update has none.
        answered: Connection and reference of the frame that ended the session; None without one.
    """

    session_id: ObjectId
    seq: int
    entries: tuple[Document, ...] = ()
    size: int = 1
    state: str | None = None
    roll_version: int | None = None
    summary: Document | None = None
    answered: Document | None = None

    @classmethod
    def from_fields(cls, session_id: ObjectId, fields: Document) -> Change:
        """Return the change that a session document's changed fields describe.

        Args:
            session_id: ``_id`` of the session.
            fields: The changed fields, with their new values.
        """
        entries, size = _entries(fields)
        return cls(
            session_id=session_id,
            seq=fields["seq"],
            entries=entries,
            size=size,
            state=fields.get("state"),
            roll_version=fields.get("rollVersion"),
            summary=fields.get("summary"),
            answered=fields.get("answered"),
        )


def _entries(fields: Document) -> tuple[tuple[Document, ...], int]:
    """Return the entries of an update, and the amount of their numbers."""
    if "signal" in fields:
        entries = tuple(fields["signal"]["entries"])
    elif "packed" in fields:
        entries = tuple(bson.decode(fields["packed"])["entries"])
    elif "rest" in fields:
        # MongoDB lists the marks one by one, or the whole field when that is shorter.
        marks = fields.get("attendance") or {
            path.removeprefix(ATTENDANCE_PREFIX): mark
            for path, mark in fields.items()
            if path.startswith(ATTENDANCE_PREFIX)
        }
        return ({"kind": "rest", "marks": marks},), int(fields["rest"].partition(":")[2])
    else:
        entries = ()
    if OFF_ROLL in fields:
        entries = with_off_roll(entries, fields[OFF_ROLL])
    return entries, len(entries) or 1


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

    async def close(self, session_id: ObjectId) -> None:
        """Note that a session takes no marks any more.

        Args:
            session_id: ``_id`` of the session.
        """
