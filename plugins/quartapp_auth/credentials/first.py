"""First credentials: one-time codes for people who never had a password, to be handed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from quartapp_auth.credentials.codes import TYPED_CHARACTERS
from quartapp_auth.errors import UserNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp_auth.accounts.users import User
    from quartapp_auth.credentials.codes import OneTimeCode
    from quartapp_auth.credentials.resets import Resets
    from quartapp_auth.service import UserService

LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Handout:
    """What one person gets.

    Attributes:
        user: The account.
        code: The code with which the person sets a password.
    """

    user: User
    code: OneTimeCode

    @property
    def signs_in_as(self) -> str:
        """The address or the username."""
        return self.user.email or self.user.username or ""


class FirstCredentials:
    """Finds people without a password, and makes their codes.

    Args:
        users: The service of accounts.
        resets: The maker of codes.
    """

    def __init__(self, users: UserService, resets: Resets) -> None:
        self._users = users
        self._resets = resets

    async def without_password(self, user_ids: Iterable[str]) -> list[User]:
        """Return those who never had a password here, in the given order.

        Disabled accounts, and those of another system that signs people in, are left out.

        Args:
            user_ids: ``_id`` of each account; those that do not exist are left out.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = []
        for user_id in user_ids:
            try:
                user = await self._users.get(user_id)
            except UserNotFoundError:
                continue
            if user.password is None and user.issuer is None and not user.disabled:
                found.append(user)
        return found

    async def make(self, user: User, lasts: timedelta = LASTS) -> Handout:
        """Make the code of a person, which is easy to type; an earlier code of the person ends.

        Args:
            user: The account.
            lasts: Time until the code ends.

        Raises:
            UserNotFoundError: The account does not exist any more.
        """
        code = await self._resets.make(str(user.id), lasts, TYPED_CHARACTERS)
        return Handout(user, code)
