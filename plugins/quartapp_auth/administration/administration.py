"""The use cases of administrators: to find people, and to change their accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_auth.errors import LastAdministratorError, UnknownRoleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp import Roles
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.accounts.users import User
    from quartapp_auth.service import UserService
    from quartapp_auth.signing_in.states import AccountStates

MANAGING = "people:manage"
LISTED = 100


class Administration:
    """Finds and changes the accounts of other people; one enabled administrator always stays.

    This process refuses ended tokens and closes their sockets before a change returns, and every
    other process as soon as it hears of the change.

    Args:
        store: The store of accounts.
        users: The service of accounts.
        states: The states of accounts in this process.
        roles: Roles of the app, which decide who is an administrator.
    """

    def __init__(
        self, store: UserStore, users: UserService, states: AccountStates, roles: Roles
    ) -> None:
        self._store = store
        self._users = users
        self._states = states
        self._roles = roles

    async def people(
        self,
        search: str | None = None,
        role: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[User]:
        """Return accounts of people, also disabled ones, sorted by ``_id``.

        Args:
            search: Start of any word of a name, of an address, or of a username, as it was typed.
            role: The role of all people in the list; None for every role.
            limit: Largest number of people; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.
        """
        key = ObjectId(after) if after else None
        roles = None if role is None else [role]
        return await self._store.people(search, roles, limit or LISTED, key)

    async def person(self, user_id: str) -> User:
        """Return an account.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._users.get(user_id)

    async def create(
        self,
        name: str,
        email: str | None,
        username: str | None,
        role: str,
        password: str | None = None,
    ) -> User:
        """Make an account for a person, whose address an import or a sign-on may trust.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case; None for an account with a username.
            username: Username, trimmed; None without one.
            role: Role of the person.
            password: Password in clear text, at most 72 bytes of UTF-8; None for an account that
                nobody signs in to before it has a password.

        Raises:
            UnknownRoleError: There is no such role.
            EmailTakenError: The address or the username has an account.
            UnfitPasswordError: The password is not good enough.
        """
        self._check_role(role)
        return await self._users.register(
            name, email, password, role, username=username, vouched=True
        )

    async def disable(self, user_id: str) -> User:
        """Refuse an account from now on; its tokens end and its sockets close.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: There is no such account.
            LastAdministratorError: Nobody else is an administrator.
        """
        user = await self._users.get(user_id)

        async def undo() -> None:
            await self._users.enable(user_id)

        return await self._keeping_one(user, lambda: self._users.disable(user_id), undo)

    async def enable(self, user_id: str) -> User:
        """Let a disabled account sign in again.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._seen(await self._users.enable(user_id))

    async def set_role(self, user_id: str, role: str) -> User:
        """Give an account another role; its tokens end and its sockets close.

        Args:
            user_id: ``_id`` of the account.
            role: The role.

        Raises:
            UserNotFoundError: There is no such account.
            UnknownRoleError: There is no such role.
            LastAdministratorError: Nobody else is an administrator.
        """
        self._check_role(role)
        user = await self._users.get(user_id)
        if role in self._managing:
            return await self._seen(await self._users.set_role(user_id, role))

        async def undo() -> None:
            await self._users.set_role(user_id, user.role)

        return await self._keeping_one(user, lambda: self._users.set_role(user_id, role), undo)

    async def set_password(self, user_id: str, password: str) -> User:
        """Give an account a password: its first one, or another. Its tokens end.

        Args:
            user_id: ``_id`` of the account.
            password: Password in clear text, at most 72 bytes of UTF-8.

        Raises:
            UserNotFoundError: There is no such account.
            UnfitPasswordError: The password is not good enough.
        """
        user = await self._users.get(user_id)
        return await self._seen(await self._users.give_password(user, password))

    async def revoke(self, user_id: str) -> User:
        """End all tokens of an account, and close its sockets; the person may sign in again.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._seen(await self._users.revoke(user_id))

    def _check_role(self, role: str) -> None:
        if role not in self._roles:
            raise UnknownRoleError

    @property
    def _managing(self) -> list[str]:
        return self._roles.holding(MANAGING)

    async def _keeping_one(
        self,
        user: User,
        change: Callable[[], Awaitable[User]],
        undo: Callable[[], Awaitable[None]],
    ) -> User:
        """Make a change after which the user is no administrator, unless nobody else is one.

        Two administrators who do this to each other at the same moment both find nobody else after
        their changes, and both changes are undone.
        """
        if user.disabled or user.role not in self._managing:
            return await self._seen(await change())
        if not await self._is_another(user):
            raise LastAdministratorError
        changed = await change()
        if not await self._is_another(user):
            await undo()
            raise LastAdministratorError
        return await self._seen(changed)

    async def _is_another(self, user: User) -> bool:
        """Tell whether there is another administrator whose account is enabled."""
        found = await self._store.people(roles=self._managing)
        return any(not one.disabled and one.id != user.id for one in found)

    async def _seen(self, user: User) -> User:
        await self._states.look_again(str(user.id))
        return user
