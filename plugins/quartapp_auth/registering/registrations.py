"""Accounts of people who ask for one themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import Attempt
from quartapp_auth.errors import EmailTakenError, InvitationNeededError, UserNotFoundError

if TYPE_CHECKING:
    from quartapp_auth.accounts.users import User
    from quartapp_auth.credentials.password_rule import PasswordRule
    from quartapp_auth.registering.invitations import Invitations
    from quartapp_auth.registering.rule import RegistrationRule
    from quartapp_auth.service import UserService


class Registrations:
    """Makes accounts for people who ask for one themselves, if the rule permits.

    Args:
        users: The service of accounts.
        rule: The rule about registration.
        invitations: The invitations.
        password_rule: The rule about new passwords.
    """

    def __init__(
        self,
        users: UserService,
        rule: RegistrationRule,
        invitations: Invitations,
        password_rule: PasswordRule,
    ) -> None:
        self._users = users
        self._rule = rule
        self._invitations = invitations
        self._password_rule = password_rule

    async def register(
        self,
        name: str,
        email: str,
        password: str,
        role: str | None,
        attempt: Attempt | None = None,
        *,
        invitation: str | None = None,
    ) -> User:
        """Register an account with a password.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            role: Role that the person wants; None for the role of the invitation.
            attempt: The try that this call is; None for the first and only one.
            invitation: Text of an invitation; None without one.

        Raises:
            RegistrationClosedError: Nobody may register.
            InvitationNeededError: An invitation is needed for this role, or the invitation is not
                for this person.
            EmailTakenError: The address has an account.
            UnfitPasswordError: The password is not good enough.
        """
        attempt = attempt or Attempt()
        if invitation is not None:
            return await self._invited(name, email, password, role, attempt, invitation)
        if role is None:
            raise InvitationNeededError
        self._rule.check(role)
        return await self._users.register(name, email, password, role, attempt)

    async def _invited(
        self,
        name: str,
        email: str,
        password: str,
        role: str | None,
        attempt: Attempt,
        secret: str,
    ) -> User:
        self._rule.check_invited()
        await self._invitations.check(secret, email, role, attempt.id)
        # A refused password or a taken address must not use the invitation up: its holder may have
        # others.
        self._password_rule.check(password, name, email)
        if not attempt.repeated and await self._has_account(email):
            raise EmailTakenError
        invitation = await self._invitations.take(secret, email, role, attempt.id)
        # Whoever got an invitation for any address may have typed somebody else's.
        vouched = invitation.email is not None
        user = await self._users.register(
            name, email, password, invitation.role, attempt, vouched=vouched
        )
        await self._invitations.use(invitation, user.id)
        return user

    async def _has_account(self, email: str) -> bool:
        try:
            await self._users.by_email(email)
        except UserNotFoundError:
            return False
        return True
