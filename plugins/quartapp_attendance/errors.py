"""The errors of a roll call."""

from __future__ import annotations

from quartapp import DomainError


class ConflictError(DomainError):
    """The student's mark is not the one that the sender expected, so nothing was stored.

    Args:
        current: Status of the student's mark; None when the student has no mark.
    """

    def __init__(self, current: str | None) -> None:
        super().__init__("the mark has become another")
        self.current = current
        self.details = {"current": current}


class MarkRefusedError(DomainError):
    """A plugin refused the mark; the message gives the reason."""


class NoActiveSessionError(DomainError):
    """The session is over, or no session is live."""


class NotOnRollError(DomainError):
    """The marked student is not on the class's roll."""


class TooManyReferencesError(DomainError):
    """The session keeps as many references of frames as it may."""


class UnknownPositionError(DomainError):
    """The position in a stream is none that a server has told."""


class UnknownStatusError(DomainError):
    """A plugin set a status that is not registered; the text is the status."""


class UnknownAudienceError(DomainError):
    """A plugin named an audience that is not registered; the text is the name."""
