"""The service by which a plugin with accounts makes accounts for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from quartapp.identity.principal import Account


class AccountMaker(Protocol):
    """The maker of accounts with any role, also with roles that registration does not accept.

    A plugin with accounts offers a maker with ``services.add(maker, as_=AccountMaker)``;
    :meth:`quartapp.testing.Client.person` of a test server uses the maker.
    """

    async def make_account(self, name: str, email: str, password: str, role: str) -> Account:
        """Make an account with a password.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            role: Role of the person.

        Raises:
            DomainError: The account cannot be made, because the address has one, for example.
        """
