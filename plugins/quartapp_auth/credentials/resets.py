"""Passwords that are set by a one-time code: forgotten ones, and first ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from quartapp_auth.credentials.codes import CHARACTERS
from quartapp_auth.errors import InvalidCodeError, UserNotFoundError

if TYPE_CHECKING:
    from quartapp_auth.credentials.codes import Codes, OneTimeCode
    from quartapp_auth.service import UserService
    from quartapp_auth.signing_in.states import AccountStates

LASTS = timedelta(hours=4)


class Resets:
    """Makes one-time codes for accounts, and takes them.

    Args:
        users: The service of accounts.
        codes: The one-time codes.
        states: The states of accounts in this process.
    """

    def __init__(self, users: UserService, codes: Codes, states: AccountStates) -> None:
        self._users = users
        self._codes = codes
        self._states = states

    async def make(
        self,
        user_id: str,
        lasts: timedelta = LASTS,
        characters: int = CHARACTERS,
        mailed_to: str | None = None,
    ) -> OneTimeCode:
        """Make a code with which a person sets a password; an earlier code of the person ends.

        The present password and all tokens stay valid until the code is used.

        Args:
            user_id: ``_id`` of the account.
            lasts: Time until the code ends.
            characters: Number of characters of the code.
            mailed_to: Address of the account that the code is mailed to, which the code proves;
                None for a code that is handed out.

        Raises:
            UserNotFoundError: The account does not exist.
        """
        user = await self._users.get(user_id)
        return await self._codes.make(user, lasts, characters, mailed_to)

    async def set_password(self, code: str, password: str) -> None:
        """Set the password of the account that a code is for; its tokens end.

        Of several calls with one code, one succeeds. A password that is refused does not use the
        code up. A code that was mailed proves that the account's address is the person's.

        Args:
            code: The code, as it was typed.
            password: The new password in clear text, at most 72 bytes of UTF-8.

        Raises:
            InvalidCodeError: There is no such code; or it is used or past, or the account has
                changed since, as by a new password.
            UnfitPasswordError: The password is not good enough.
            SignInUnavailableError: Too many passwords wait to be hashed.
        """
        claim = await self._codes.claim(code)
        if claim is None:
            raise InvalidCodeError
        try:
            user = await self._users.get(str(claim.owner))
        except UserNotFoundError:
            raise InvalidCodeError from None
        if user.ver != claim.ver or claim.mailed_to not in (None, user.email):
            raise InvalidCodeError

        async def use() -> None:
            if not await self._codes.use(claim):
                raise InvalidCodeError

        proved = claim.mailed_to is not None
        await self._users.give_password(user, password, only_if=use, vouched=proved)
        await self._states.look_again(str(user.id))
