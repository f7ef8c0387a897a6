"""The events of excuses that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExcuseHandedIn:
    """Event: an excuse was handed in; the days are local dates in ISO 8601."""

    excuse_id: str
    student_id: str
    first: str
    last: str
    by: str


@dataclass(frozen=True, slots=True)
class ExcuseDecided:
    """Event: an excuse was accepted or refused, as ``state`` says."""

    excuse_id: str
    student_id: str
    state: str
    by: str


@dataclass(frozen=True, slots=True)
class ExcuseWithdrawn:
    """Event: the author of an open excuse has withdrawn it; the excuse and its file are deleted."""

    excuse_id: str
    student_id: str
    by: str
