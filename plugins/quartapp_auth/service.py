"""The use cases of accounts. This module knows no requests and no status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from bson import ObjectId

from quartapp import Account, Attempt, CredentialsRefusedError, object_id, utc_now
from quartapp_auth.errors import (
    AccountDisabledError,
    EmailTakenError,
    IdentityRefusedError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.identities import Identities
from quartapp_auth.users import User, UserChanges

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from quartapp import Identity, Plugins, Tokens
    from quartapp_auth.passwords import Passwords
    from quartapp_auth.settings import AuthSettings
    from quartapp_auth.store import UserStore
    from quartapp_auth.users import Contact

log = structlog.get_logger("quartapp.auth")


class UserService:
    """The accounts, in whatever store.

    Args:
        store: The store of accounts.
        tokens: Issuer of tokens.
        plugins: The plugins that receive events.
        passwords: Hashing and checking of passwords.
        settings: Settings with the fields that follow another system.
    """

    def __init__(
        self,
        store: UserStore,
        tokens: Tokens,
        plugins: Plugins,
        passwords: Passwords,
        settings: AuthSettings,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._tokens = tokens
        self._plugins = plugins
        self._identities = Identities(store, settings, plugins)

    async def register(
        self, name: str, email: str, password: str, role: str, attempt: Attempt | None = None
    ) -> User:
        """Register an account with a password.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            role: Role of the user.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            EmailTakenError: The address has an account.
        """
        attempt = attempt or Attempt()
        now = utc_now()
        user = User(
            id=attempt.id,
            name=name.lower(),
            display_name=name,
            email=email,
            password=await self._passwords.hashed(password),
            role=role,
            created_at=now,
            updated_at=now,
        )

        async def insert() -> User:
            await self._store.insert(user)
            return user

        registered = UserRegistered(str(user.id), role)
        try:
            await self._plugins.changes.stored([registered], insert)
        except EmailTakenError:
            earlier = await self._store.get(user.id) if attempt.repeated else None
            if earlier is None:
                raise
            user = earlier
        await self._plugins.on_event(registered)
        return user

    async def make_account(self, name: str, email: str, password: str, role: str) -> Account:
        """Register an account like :meth:`register`, and return it as plugins see accounts.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            role: Role of the user.

        Raises:
            EmailTakenError: The address has an account.
        """
        return _account(await self.register(name, email, password, role))

    async def login(self, email: str, password: str) -> str:
        """Return a token for the person with these credentials.

        Args:
            email: E-mail address in lower case.
            password: Password in clear text.

        Raises:
            UserNotFoundError: The address has no account.
            WrongPasswordError: The password is wrong, or the account is disabled.
            SignInUnavailableError: The system that knows the password is unreachable.
        """
        return await self.issue_token(await self._verified(email, password))

    async def sign_in(self, identity: Identity) -> User:
        """Return the account of a person whom another system has verified.

        The account is found by issuer and subject, then by a verified address; without one, an
        account is created. The fields in the setting ``sync`` follow the identity.

        Args:
            identity: The person, with the issuer.

        Raises:
            ValueError: The identity names no issuer.
            IdentityRefusedError: The identity leads to no account; the text gives the reason.
            AccountDisabledError: The account may not sign in.
        """
        user = await self._identities.account(identity)
        if user.disabled:
            raise AccountDisabledError
        return user

    async def follow(self, user_id: str, identity: Identity) -> User:
        """Update an account from the present identity of its person in another system.

        Args:
            user_id: ``_id`` of the account.
            identity: The person.

        Raises:
            UserNotFoundError: The account does not exist.
        """
        return await self._identities.follow(await self.get(user_id), identity)

    async def _verified(self, email: str, password: str) -> User:
        try:
            identity = await self._plugins.verify_credentials(email, password)
        except CredentialsRefusedError as error:
            raise WrongPasswordError from error
        if identity is not None:
            try:
                return await self.sign_in(identity)
            except IdentityRefusedError as error:
                log.warning("sign-in refused", issuer=identity.issuer, reason=str(error))
                raise
        user = await self._store.by_email(email)
        if user is None:
            raise UserNotFoundError
        if not await self._passwords.match(password, user.password):
            raise WrongPasswordError
        return user

    async def issue_token(self, user: User) -> str:
        """Return a token for an account, with the claims that plugins add.

        Args:
            user: The account.

        Raises:
            AccountDisabledError: The account may not sign in.
        """
        if user.disabled:
            raise AccountDisabledError
        account = _account(user)
        claims = await self._plugins.token_claims(account)
        return self._tokens.issue(account.id, account.role, claims, ver=user.ver)

    async def set_password(self, email: str, password: str) -> None:
        """Set the password of an account; its tokens end.

        Args:
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.

        Raises:
            UserNotFoundError: The address has no account.
        """
        user = await self.by_email(email)
        hashed = await self._passwords.hashed(password)
        await self._change(user.id, UserChanges(password=hashed), revoke=True)

    async def set_role(self, user_id: str, role: str) -> User:
        """Give an account another role; its tokens end.

        Args:
            user_id: The user's ``_id``.
            role: The role.

        Raises:
            UserNotFoundError: There is no such account.
        """
        user = await self.get(user_id)
        return await self._change(user.id, UserChanges(role=role), revoke=role != user.role)

    async def disable(self, user_id: str) -> User:
        """Refuse an account from now on; its tokens end and its sockets close.

        Args:
            user_id: The user's ``_id``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._change(_key(user_id), UserChanges(disabled=True), revoke=True)

    async def enable(self, user_id: str) -> User:
        """Let a disabled account sign in again.

        Args:
            user_id: The user's ``_id``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._change(_key(user_id), UserChanges(disabled=False))

    async def revoke(self, user_id: str) -> User:
        """End all tokens of an account, in all processes; the person may sign in again.

        Args:
            user_id: The user's ``_id``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._change(_key(user_id), UserChanges(), revoke=True)

    async def get(self, user_id: str) -> User:
        """Return an account.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            UserNotFoundError: The account does not exist.
        """
        return _found(await self._store.get(_key(user_id)))

    async def by_email(self, email: str) -> User:
        """Return the account with an e-mail address.

        Args:
            email: E-mail address in lower case.

        Raises:
            UserNotFoundError: The address has no account.
        """
        return _found(await self._store.by_email(email))

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

    async def _change(
        self, user_id: ObjectId, changes: UserChanges, *, revoke: bool = False
    ) -> User:
        return _found(await self._store.change(user_id, changes, revoke=revoke))


def _account(user: User) -> Account:
    return Account(str(user.id), user.email, user.name, user.role, frozenset(user.groups))


def _key(user_id: str) -> ObjectId:
    key = object_id(user_id)
    if key is None:
        raise UserNotFoundError
    return key


def _found(user: User | None) -> User:
    if user is None:
        raise UserNotFoundError
    return user
