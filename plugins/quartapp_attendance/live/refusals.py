"""The entries that an update leaves out, and the terms by which it proves that they had to be.

All entries of a batch are decided at one moment, that of the update. Otherwise a session could end
between the refusal of one frame and the mark of the frame before it, and the sender would be told
what no order of the frames explains.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quartapp_attendance.errors import ConflictError, NotOnRollError, TooManyReferencesError
from quartapp_attendance.live.change import ATTENDANCE_PREFIX
from quartapp_attendance.live.references import (
    AppliedError,
    check_applied,
    not_applied,
    unapplied,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp import Document
    from quartapp_attendance.live.batch import Waiting
    from quartapp_classes import Roll


@dataclass(slots=True)
class Decision:
    """What is to become of the entries of a batch.

    Attributes:
        possible: The entries to write, in order.
        refused: The entries to refuse, each with its error.
        terms: Terms of a filter that hold while the refusals are right.
    """

    possible: list[Waiting] = field(default_factory=list)
    refused: list[tuple[Waiting, Exception]] = field(default_factory=list)
    terms: Document = field(default_factory=dict)

    @property
    def conditions(self) -> Document:
        """The terms of the filter that make the update depend on what was before it."""
        terms = unapplied(filter(None, (waiting.reference for waiting in self.possible)))
        for waiting in self.possible:
            if waiting.condition is not None:
                terms |= _has(*waiting.condition)
        return terms | self.terms

    def tell(self) -> None:
        """Raise the errors in the callers whose entries are refused."""
        for waiting, error in self.refused:
            waiting.fail(error)


def decide(batch: Sequence[Waiting], roll: Roll, document: Document | None) -> Decision:
    """Decide which entries of a batch to write.

    Args:
        batch: The entries.
        roll: The present roll.
        document: The session, with the marks and references that the entries are about; None
            before anything speaks against an entry whose student is on the roll.
    """
    decision = Decision()
    referred = 0
    for waiting in batch:
        error = _refusal(waiting, roll, document or {}, referred, is_read=document is not None)
        if error is None:
            referred += waiting.reference is not None
            decision.possible.append(waiting)
            continue
        decision.refused.append((waiting, error))
        if waiting.reference is not None and not isinstance(error, AppliedError):
            decision.terms |= not_applied(waiting.reference)
        if isinstance(error, ConflictError) and waiting.mark is not None:
            decision.terms |= _has(waiting.mark.student_id, error.current)
    return decision


def _refusal(
    waiting: Waiting, roll: Roll, document: Document, referred: int, *, is_read: bool
) -> Exception | None:
    """Return the error for an entry that is not to be written."""
    full: Exception | None = None
    if waiting.reference is not None:
        try:
            check_applied(waiting.reference, document, referred)
        except AppliedError as error:
            return error
        except TooManyReferencesError as error:
            full = error
    if waiting.mark is not None and waiting.mark.student_id not in roll.student_ids:
        return NotOnRollError()
    if full is None and is_read and waiting.condition is not None:
        student_id, expected = waiting.condition
        current = document.get("attendance", {}).get(student_id, {}).get("status")
        if current != expected:
            return ConflictError(current)
    return full


def _has(student_id: str, status: str | None) -> Document:
    """Return the term that holds while a student has a status; None for no mark."""
    mark = ATTENDANCE_PREFIX + student_id
    return {mark: {"$exists": False}} if status is None else {mark + ".status": status}
