"""The errors of a roll call."""

from __future__ import annotations

from quartapp import DomainError


class MarkRefusedError(DomainError):
    """A plugin refused the mark; the message gives the reason."""


class NoActiveSessionError(DomainError):
    """The session is over, or no session is live."""


class NotOnRollError(DomainError):
    """The marked student is not on the class's roll."""


class UnknownStatusError(DomainError):
    """A plugin set a status that is not registered; the text is the status."""


class UnknownAudienceError(DomainError):
    """A plugin named an audience that is not registered; the text is the name."""
