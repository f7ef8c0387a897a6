"""The entries of a session that are written by one update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import bson
from bson import Binary, ObjectId

from quartapp_attendance.live.change import ATTENDANCE_PREFIX
from quartapp_attendance.live.counting import OFF_ROLL, SUMMARY_KIND, off_roll
from quartapp_attendance.live.references import REFERENCES_PREFIX, counted
from quartapp_attendance.statuses import ANY

if TYPE_CHECKING:
    import asyncio
    from collections import deque
    from datetime import datetime

    from quartapp import Document, OutboxEntry
    from quartapp_attendance.live.references import Reference
    from quartapp_attendance.statuses import Expected, Mark
    from quartapp_classes import Roll


BATCH_ENTRIES = 500


@dataclass(slots=True)
class Waiting:
    """An entry that waits to be written.

    Attributes:
        entry: The entry.
        mark: The mark to store with the entry; None for none.
        expected: Condition of the mark.
        reference: Reference of the frame that led to the entry; None without one.
        wanted: What plugins want delivered because of the mark.
        shown: Future that is resolved when this process has shown the entry.
        span: Span that the entry belongs to.
    """

    entry: Document
    mark: Mark | None
    expected: Expected
    reference: Reference | None
    wanted: list[tuple[str, OutboxEntry]]
    shown: asyncio.Future[None]
    span: object

    @property
    def condition(self) -> tuple[str, str | None] | None:
        """The student and the status that the student must have; None without a condition."""
        if self.mark is None or self.expected is ANY:
            return None
        return self.mark.student_id, self.expected

    def fail(self, error: Exception) -> None:
        """Raise an error in the caller that waits for the entry."""
        if not self.shown.done():
            self.shown.set_exception(error)


def next_batch(waiting: deque[Waiting]) -> list[Waiting]:
    """Take the entries of the next update.

    An update's conditions are about the document before it. So an entry with a condition waits for
    the next update when this one marks its student already, and a repeated frame waits for the next
    update after the first one.
    """
    batch: list[Waiting] = []
    marked: set[str] = set()
    referred: set[str] = set()
    while waiting and len(batch) < BATCH_ENTRIES:
        mark, reference = waiting[0].mark, waiting[0].reference
        if reference is not None:
            if reference.key in referred:
                break
            referred.add(reference.key)
        if mark is not None:
            if waiting[0].condition is not None and mark.student_id in marked:
                break
            marked.add(mark.student_id)
        batch.append(waiting.popleft())
    return batch


def numbers_of(batch: list[Waiting], last: int) -> list[int]:
    """Return the number of each thing that plugins want delivered because of a batch.

    Args:
        batch: The entries, in the order of their numbers.
        last: Number of the last entry.
    """
    first = last - len(batch) + 1
    return [number for number, waiting in enumerate(batch, first) for _ in waiting.wanted]


def changes_of(batch: list[Waiting], now: datetime) -> tuple[Document, Document]:
    """Return the fields that a batch sets, and those that it removes."""
    cleared: Document = {}
    changed: Document = {
        # The id makes each signal a change, even when the entries equal those of the signal before.
        "signal": {"id": ObjectId(), "entries": [waiting.entry for waiting in batch]},
    }
    for mark in (waiting.mark for waiting in batch if waiting.mark):
        path = ATTENDANCE_PREFIX + mark.student_id
        if mark.status is None:
            changed.pop(path, None)
            cleared[path] = ""
            continue
        cleared.pop(path, None)
        changed[path] = stored_mark(mark, now)
    return changed, cleared


def stored_mark(mark: Mark, now: datetime) -> Document:
    """Return a mark as the session's document has it.

    Args:
        mark: The mark.
        now: The present time, in UTC.
    """
    stored: Document = {"status": mark.status, "at": now, "by": ObjectId(mark.by)}
    if mark.via is not None:
        stored["via"] = mark.via
    return stored


def has_summary(batch: list[Waiting]) -> bool:
    """Tell whether a batch has an entry that counts marks."""
    return any(waiting.entry["kind"] == SUMMARY_KIND for waiting in batch)


def pipeline_of(
    batch: list[Waiting], changed: Document, cleared: Document, roll: Roll
) -> list[Document]:
    """Return an update that also stores references, each with the number of its entry.

    If the batch has a summary, the update stores too who has a mark and is off the roll.

    Args:
        batch: The entries.
        changed: The fields that the batch sets.
        cleared: The fields that the batch removes.
        roll: The present roll.
    """
    fields: Document = {path: {"$literal": value} for path, value in changed.items()}
    # Of a pipeline, the change stream would report parts of the entries alone: those that differ
    # from the entries of the update before. A binary value is reported as a whole.
    fields["packed"] = {"$literal": Binary(bson.encode(changed["signal"]))}
    del fields["signal"]
    fields |= dict.fromkeys(cleared, "$$REMOVE")
    referred = 0
    for number, waiting in enumerate(batch, 1):
        if waiting.reference is not None:
            referred += 1
            fields[REFERENCES_PREFIX + waiting.reference.key] = {
                "seq": {"$add": ["$seq", number]},
                "entry": {"$literal": _kept(waiting.entry)},
            }
    if referred:
        fields["refCount"] = counted(referred)
    if has_summary(batch):
        # The marks before this update: what the batch itself marks or clears is on the roll.
        fields[OFF_ROLL] = off_roll(roll.student_ids)
    fields["seq"] = {"$add": ["$seq", len(batch)]}
    return [{"$set": fields}]


def _kept(entry: Document) -> Document:
    names = ("kind", "studentId", "status")
    return {name: entry[name] for name in names if name in entry}
