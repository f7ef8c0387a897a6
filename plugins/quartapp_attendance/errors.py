"""What can go wrong with a roll call."""

from __future__ import annotations

from quartapp import DomainError


class MarkRefusedError(DomainError):
    """A plugin refuses a mark; the message says why."""


class NoActiveSessionError(DomainError):
    """The session is over, or there is none."""


class NotOnRollError(DomainError):
    """The mark is for somebody who is not on the class's roll."""


class UnknownStatusError(DomainError):
    """A plugin marks somebody with a status that there is not; the text is the status."""


class UnknownAudienceError(DomainError):
    """A plugin shows something to an audience that there is not; the text is the name."""
