"""Passwords that people have forgotten, and mail with one-time codes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from quartapp_auth.errors import NoMailError

if TYPE_CHECKING:
    from quartapp import Services
    from quartapp_auth.accounts.users import User
    from quartapp_auth.service import UserService
    from quartapp_auth.signing_in.guessing import Guessing


class ResetMail(Protocol):
    """Mail with one-time codes, which the plugin ``mail`` offers where it has a mail server.

    Both methods return as soon as the order to send is stored, and may raise
    :class:`~quartapp.DatabaseUnavailableError`.
    """

    async def send(self, user: User, by: str) -> None:
        """Mail a one-time code to an account with an address.

        Args:
            user: The account.
            by: ``_id`` of the administrator who asks for the code.
        """

    async def forgotten(self, email: str) -> None:
        """Mail a one-time code to the account with an address, if the account may have one.

        Nothing is looked up before this returns, so nobody can tell who has an account.

        Args:
            email: The address in lower case.
        """


class ForgottenPasswords:
    """Mails one-time codes, where the server sends mail.

    Args:
        services: Services of the app, among which mail may be.
        users: The service of accounts.
        guessing: Limits on requests, with counters of their own.
    """

    def __init__(self, services: Services, users: UserService, guessing: Guessing) -> None:
        self._services = services
        self._users = users
        self._guessing = guessing

    async def ask(self, email: str, address: str | None = None) -> None:
        """Mail a one-time code to the account with an address, if there is one.

        Args:
            email: The address in lower case.
            address: Network address of the client; None if the client has no known address.

        Raises:
            NoMailError: The server sends no mail.
            TooManyFailuresError: The address or the network had too many requests.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        mail = self._mail()
        if mail is None:
            raise NoMailError
        await self._guessing.count(email, address)
        await mail.forgotten(email)

    async def mailed_to(self, user_id: str, by: str) -> bool:
        """Mail a one-time code to a person; tell whether that is possible.

        Args:
            user_id: ``_id`` of the account.
            by: ``_id`` of the administrator who asks for the code.

        Raises:
            UserNotFoundError: The account does not exist.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        user = await self._users.get(user_id)
        mail = self._mail()
        if mail is None or user.email is None:
            return False
        await mail.send(user, by)
        return True

    def _mail(self) -> ResetMail | None:
        return self._services.find(ResetMail)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
