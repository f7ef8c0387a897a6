"""The accounts as they are looked up, in whatever store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_auth.accounts.users import username_key
from quartapp_auth.errors import UserNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.accounts.users import Contact, User


class Directory:
    """Looks accounts up, and changes none; a :class:`~quartapp_auth.People`.

    Args:
        store: The store of accounts.
    """

    def __init__(self, store: UserStore) -> None:
        self._store = store

    async def get(self, user_id: str) -> User:
        """Return an account.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: The account does not exist.
        """
        return found(await self._store.get(key_of(user_id)))

    async def by_email(self, email: str) -> User:
        """Return the account with an e-mail address.

        Args:
            email: E-mail address in lower case.

        Raises:
            UserNotFoundError: The address has no account.
        """
        return found(await self._store.by_email(email))

    async def by_username(self, username: str) -> User:
        """Return the account with a username.

        Args:
            username: Username in any case and form.

        Raises:
            UserNotFoundError: The username has no account.
        """
        key = username_key(username)
        return found(None if key is None else await self._store.by_username(key))

    async def by_identifier(self, identifier: str) -> User:
        """Return the account that somebody signs in to with an address or a username.

        Args:
            identifier: E-mail address in lower case, or username; only an address has an ``@``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        look = self.by_email if "@" in identifier else self.by_username
        return await look(identifier)

    async def tried(self, identifier: str) -> User | None:
        """Return the account that somebody tries to sign in to; None if there is none.

        Args:
            identifier: E-mail address in lower case, or username; only an address has an ``@``.
        """
        try:
            return await self.by_identifier(identifier)
        except UserNotFoundError:
            return None

    async def by_subject(self, issuer: str, subject: str) -> User | None:
        """Return the account of a person of another system; None when there is none.

        Args:
            issuer: The system.
            subject: Identifier of the person in that system.
        """
        return await self._store.by_subject(issuer, subject)

    async def contacts(self, user_ids: Iterable[ObjectId]) -> Mapping[ObjectId, Contact]:
        """Return names and addresses by id; deleted accounts are left out."""
        return await self._store.contacts(list(user_ids))

    async def students(
        self, search: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[User]:
        """Return students, sorted by ``_id``.

        Args:
            search: Start of any word of a name, or of an address, as it was typed.
            limit: Largest number of students; None for no limit.
            after: ``_id`` after which the list starts; None for the beginning.
        """
        key = ObjectId(after) if after else None
        return await self._store.students(search, limit, key)

    def everybody(self) -> AsyncIterator[User]:
        """Yield all accounts, sorted by ``_id``."""
        return self._store.everybody()


def key_of(user_id: str) -> ObjectId:
    """Return the ``_id`` that a text stands for.

    Args:
        user_id: 24 hex digits.

    Raises:
        UserNotFoundError: The text is no ``_id``.
    """
    key = object_id(user_id)
    if key is None:
        raise UserNotFoundError
    return key


def found(user: User | None) -> User:
    """Return an account that was looked for.

    Args:
        user: The account; None when it does not exist.

    Raises:
        UserNotFoundError: The account does not exist.
    """
    if user is None:
        raise UserNotFoundError
    return user
