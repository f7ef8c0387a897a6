"""What can go wrong with accounts."""

from __future__ import annotations

from quartapp import DomainError


class EmailTakenError(DomainError):
    """Somebody has that address already."""


class UserNotFoundError(DomainError):
    """No such account."""


class WrongPasswordError(DomainError):
    """The password is not that account's, or the account may not sign in."""


class AccountDisabledError(WrongPasswordError):
    """The account may not sign in."""


class IdentityRefusedError(WrongPasswordError):
    """An identity that leads to no account here; the text says why, for the log and for pages."""
