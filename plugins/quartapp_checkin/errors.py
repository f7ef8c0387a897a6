"""The errors of check-ins."""

from __future__ import annotations

from quartapp import DomainError


class CheckInRefusedError(DomainError):
    """A refused check-in; the message gives the reason."""
