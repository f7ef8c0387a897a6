"""What accounts need of the place where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from datetime import datetime

    from bson import ObjectId

    from quartapp_auth.accounts.users import AccountState, Contact, User, UserChanges


class UserStore(Protocol):
    """Where accounts are kept: MongoDB, unless a plugin brings another store.

    Such a plugin offers its store in ``register_services`` with
    ``services.add(store, as_=UserStore)``, and marks that method with
    ``@hookimpl(tryfirst=True)``, so that it comes before the auth plugin. Every method may raise
    :class:`~quartapp.DatabaseUnavailableError`, which is answered 503.
    """

    async def get(self, user_id: ObjectId) -> User | None:
        """Return the account with that ``_id``, or None."""

    async def by_email(self, email: str) -> User | None:
        """Return the account with that address, lower-cased, or None."""

    async def by_username(self, key: str) -> User | None:
        """Return the account whose ``username_key`` is that key, or None."""

    async def by_subject(self, issuer: str, subject: str) -> User | None:
        """Return the account of that person of another system, or None."""

    async def insert(self, user: User) -> None:
        """Keep a new account.

        Raises:
            EmailTakenError: Another account has the address or the username, or is that person's.
        """

    async def change(
        self, user_id: ObjectId, changes: UserChanges, *, revoke: bool = False
    ) -> User | None:
        """Change an account in one step.

        Args:
            user_id: The user's ``_id``.
            changes: What to change.
            revoke: Whether the account's number grows by one.

        Returns:
            The account after the change; None where there is no such account.

        Raises:
            EmailTakenError: Another account has the address or the username, or is that person's.
        """

    async def end_token(
        self, user_id: ObjectId, name: str, until: datetime, now: datetime
    ) -> AccountState | None:
        """Keep the name of a token that has ended, in one step.

        ``changes`` tells of the account. Names may be forgotten when their tokens have run out, and
        when the account's number grows.

        Args:
            user_id: The user's ``_id``.
            name: Name of the token.
            until: Time at which the token runs out.
            now: The present time.

        Returns:
            The account's state after the change; None where there is no such account.
        """

    async def contacts(self, user_ids: Collection[ObjectId]) -> Mapping[ObjectId, Contact]:
        """Return names and addresses by id; accounts that are gone are left out."""

    async def students(
        self, search: str | None = None, limit: int | None = None, after: ObjectId | None = None
    ) -> list[User]:
        """Return students, by ``_id``.

        Args:
            search: Start of any word of a name, or of an address, as it was typed; in any case.
            limit: Number of students at most.
            after: The ``_id`` that the list starts behind.
        """

    async def people(
        self,
        search: str | None = None,
        roles: Collection[str] | None = None,
        limit: int | None = None,
        after: ObjectId | None = None,
    ) -> list[User]:
        """Return accounts of people, also disabled ones, by ``_id``.

        Args:
            search: Start of any word of a name, of an address, or of a username, as it was typed;
                in any case.
            roles: Roles of the people; None for every role.
            limit: Number of people at most; None for no limit.
            after: The ``_id`` that the list starts behind.
        """

    def everybody(self) -> AsyncIterator[User]:
        """Return all accounts, one after another, by ``_id``."""

    async def states(self, user_ids: Collection[ObjectId]) -> Mapping[ObjectId, AccountState]:
        """Return the states of accounts by id; accounts that are gone are left out."""

    def changes(self) -> AsyncIterator[Collection[ObjectId]] | None:
        """Watch the accounts of all processes.

        Returns:
            Ids of accounts whose state has changed or that were deleted, as it happens. The first
            answer is empty and says that nothing is missed from now on; further empty ones come
            at least every second, so that silence is noticed. None where the store cannot watch:
            states are then looked up every second.
        """
