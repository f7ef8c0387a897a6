"""What can go wrong with a check-in."""

from __future__ import annotations

from quartapp import DomainError


class CheckInRefusedError(DomainError):
    """The student is not checked in; the message says why."""
