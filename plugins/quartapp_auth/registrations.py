"""Accounts of people who ask for one themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp import Attempt
    from quartapp_auth.registration import RegistrationRule
    from quartapp_auth.service import UserService
    from quartapp_auth.users import User


class Registrations:
    """Makes accounts for people who ask for one themselves, if the rule permits.

    Args:
        users: The service of accounts.
        rule: The rule about registration.
    """

    def __init__(self, users: UserService, rule: RegistrationRule) -> None:
        self._users = users
        self._rule = rule

    async def register(
        self, name: str, email: str, password: str, role: str, attempt: Attempt | None = None
    ) -> User:
        """Register an account with a password.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            role: Role that the person wants.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            RegistrationClosedError: Nobody may register.
            InvitationNeededError: An invitation is needed for this role.
            EmailTakenError: The address has an account.
        """
        self._rule.check(role)
        return await self._users.register(name, email, password, role, attempt)
