"""The change of a password by its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_auth.errors import WrongPasswordError

if TYPE_CHECKING:
    from quartapp_auth.service import UserService
    from quartapp_auth.signing_in.guessing import Guessing
    from quartapp_auth.signing_in.passwords import Passwords
    from quartapp_auth.signing_in.states import AccountStates


class PasswordChange:
    """Changes the passwords of people who know their present one.

    Args:
        users: The service of accounts.
        passwords: Checking of passwords.
        guessing: Limits on failed sign-ins, which count for the present password too.
        states: The states of accounts in this process.
    """

    def __init__(
        self, users: UserService, passwords: Passwords, guessing: Guessing, states: AccountStates
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._guessing = guessing
        self._states = states

    async def change(
        self, user_id: str, password: str, new_password: str, address: str | None = None
    ) -> str:
        """Change a password, end all tokens of the account, and return a fresh token.

        Args:
            user_id: ``_id`` of the account.
            password: The present password here, in clear text.
            new_password: The new password, at most 72 bytes of UTF-8.
            address: Network address of the client; None if the client has no known address.

        Raises:
            UserNotFoundError: The account does not exist.
            UnfitPasswordError: The new password is not good enough.
            WrongPasswordError: The present password is another one, or the account has none here.
            TooManyFailuresError: The account or the network had too many failures.
            SignInUnavailableError: Too many passwords wait to be checked.
        """
        user = await self._users.get(user_id)
        await self._users.check_password(user, new_password)

        async def verify() -> None:
            if not await self._passwords.match(password, user.password):
                raise WrongPasswordError

        await self._guessing.attempt(str(user.id), address, verify)
        changed = await self._users.give_password(user, new_password)
        await self._states.look_again(user_id)
        return await self._users.issue_token(changed)
