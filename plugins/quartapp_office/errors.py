"""The errors of the office's day."""

from __future__ import annotations

from quartapp import DomainError


class EntryNotFoundError(DomainError):
    """There is no such entry, or it does not stand for the student any more."""


class FarEntryError(DomainError):
    """The day of an entry lies more than a year ahead."""


class EarlyEntryError(DomainError):
    """The day of an entry lies before the first day that a session can have."""


class StudentPresentError(DomainError):
    """The student is marked as present in a live roll call."""


class RollCallEndingError(DomainError):
    """A roll call is just ending: its record follows as soon as there is one."""
