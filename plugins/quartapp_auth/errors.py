"""The errors of accounts."""

from __future__ import annotations

from quartapp import DomainError

TOO_SHORT = "Password has to have 8 characters or more"
TOO_COMMON = "Password is one of the most common ones"
OF_THE_PERSON = "Password is the name, address or username of the account"
OF_THE_SCHOOL = "Password is the name of the school or of this program"
SCHOOL_WORD = "Password is a word of the school, such as the name of a class"
UNFIT_PASSWORDS = (TOO_SHORT, TOO_COMMON, OF_THE_PERSON, OF_THE_SCHOOL)
# Nobody is in a class before there is an account.
UNFIT_FURTHER_PASSWORDS = (*UNFIT_PASSWORDS, SCHOOL_WORD)


class EmailTakenError(DomainError):
    """An account with this address exists already."""


class RegistrationClosedError(DomainError):
    """Nobody may register."""


class InvitationNeededError(DomainError):
    """The person may only register with an invitation."""


class InvitationNotFoundError(DomainError):
    """There is no such invitation."""


class InvitationUsedError(DomainError):
    """An account was made with the invitation, so the invitation cannot be revoked."""


class LastAdministratorError(DomainError):
    """Nobody else is an administrator, so this one has to stay one."""


class UnknownRoleError(DomainError):
    """There is no such role."""


class UserNotFoundError(DomainError):
    """The account does not exist."""


class InvalidCodeError(DomainError):
    """The text is no one-time code, or one that is used or past."""


class NoMailError(DomainError):
    """The server sends no mail."""


class WrongPasswordError(DomainError):
    """The password is wrong, or the account may not sign in."""


class SetupRefusedError(DomainError):
    """The first administrator cannot be made, whatever the code is."""


class InvalidSetupCodeError(WrongPasswordError):
    """The text is not the code with which the first administrator is made."""


class AccountDisabledError(WrongPasswordError):
    """The account may not sign in."""


class TooManyFailuresError(DomainError):
    """The account or the network had too many failed sign-ins; the password is not checked.

    Args:
        retry_after: Seconds until the next attempt.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the next attempt may come in {retry_after:g} s")
        self.retry_after = retry_after


class IdentityRefusedError(WrongPasswordError):
    """The identity leads to no account; the text gives the reason, for the log and for pages."""


class UnfitPasswordError(DomainError):
    """The new password is not good enough.

    The text is one of ``UNFIT_PASSWORDS``, or for an account that exists already, one of
    ``UNFIT_FURTHER_PASSWORDS``.
    """
