"""The events of the office that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AbsencesEntered:
    """Event: the office has entered a status for students on a local date in ISO 8601."""

    entry_id: str
    date: str
    student_ids: tuple[str, ...]
    status: str
    by: str


@dataclass(frozen=True, slots=True)
class AbsencesWithdrawn:
    """Event: an entry of the office stands for a student no longer."""

    entry_id: str
    date: str
    student_id: str
    by: str
