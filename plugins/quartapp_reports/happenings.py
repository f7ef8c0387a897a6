"""The events of warnings that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WarningRaised:
    """Event: a warning began to hold of a student of a class."""

    class_id: str
    student_id: str
    warning: str


@dataclass(frozen=True, slots=True)
class WarningWithdrawn:
    """Event: a warning that was raised holds no longer, or the student has left the class."""

    class_id: str
    student_id: str
    warning: str
