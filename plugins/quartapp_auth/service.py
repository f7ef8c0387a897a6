"""The use cases of accounts. This module knows no requests and no status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from quartapp import Account, Attempt, CredentialsRefusedError, utc_now
from quartapp_auth.accounts.directory import Directory, found, key_of
from quartapp_auth.accounts.identities import Identities
from quartapp_auth.accounts.users import User, UserChanges
from quartapp_auth.audited import SIGN_IN_FAILED, SIGNED_IN, change_account
from quartapp_auth.audited import registered as audited
from quartapp_auth.credentials.words_of_plugins import words_of_plugins
from quartapp_auth.errors import (
    AccountDisabledError,
    EmailTakenError,
    IdentityRefusedError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.signing_in.guessing import counted_as

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bson import ObjectId

    from quartapp import AuditEntry, Identity, Plugins, Tokens
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.credentials.password_rule import PasswordRule
    from quartapp_auth.registering.rule import RegistrationRule
    from quartapp_auth.settings import AuthSettings
    from quartapp_auth.signing_in.guessing import Guessing
    from quartapp_auth.signing_in.passwords import Passwords

log = structlog.get_logger("quartapp.auth")


class UserService(Directory):
    """Registers and changes accounts, and signs people in.

    Args:
        store: The store of accounts.
        tokens: Issuer of tokens.
        plugins: The plugins that receive events.
        passwords: Hashing and checking of passwords.
        guessing: Limits on failed sign-ins.
        settings: Settings with the fields that follow another system.
        rule: The rule about registration, which also decides whether a sign-in may tell that
            nobody has an address.
        password_rule: The rule about new passwords.
    """

    def __init__(
        self,
        store: UserStore,
        tokens: Tokens,
        plugins: Plugins,
        passwords: Passwords,
        guessing: Guessing,
        settings: AuthSettings,
        rule: RegistrationRule,
        password_rule: PasswordRule,
    ) -> None:
        super().__init__(store)
        self._passwords = passwords
        self._guessing = guessing
        self._tokens = tokens
        self._plugins = plugins
        self._rule = rule
        self._password_rule = password_rule
        self._identities = Identities(store, settings, plugins)

    async def register(
        self,
        name: str,
        email: str | None,
        password: str | None,
        role: str,
        attempt: Attempt | None = None,
        *,
        username: str | None = None,
        vouched: bool = False,
        also: Sequence[AuditEntry] = (),
    ) -> User:
        """Register an account.

        Args:
            name: Name as typed, trimmed.
            email: E-mail address in lower case; None for an account with a username.
            password: Password in clear text, at most 72 bytes of UTF-8; None for an account that
                nobody signs in to yet.
            role: Role of the user.
            attempt: The try that this call is; None for the first and only one.
            username: Username, trimmed, with 1 to 100 characters and no ``@``; None without one.
            vouched: Whether an administrator says that the address is the person's.
            also: Further entries for the audit.

        Raises:
            ValueError: The account would have neither an address nor a username.
            EmailTakenError: The address or the username has an account.
            UnfitPasswordError: The password is not good enough.
        """
        if password is not None:
            self._password_rule.check(password, name, email, username)
        attempt = attempt or Attempt()
        now = utc_now()
        user = User(
            id=attempt.id,
            name=name.lower(),
            display_name=name,
            email=email,
            password=None if password is None else await self._passwords.hashed(password),
            role=role,
            created_at=now,
            updated_at=now,
            username=username,
            vouched=vouched,
        )
        if email is None and user.username_key is None:
            raise ValueError("an account needs an address or a username")

        async def insert() -> User:
            await self._store.insert(user)
            return user

        registered = UserRegistered(str(user.id), role)
        try:
            await self._plugins.changes.stored(
                [registered], insert, audited=[*audited(user), *also]
            )
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
            UnfitPasswordError: The password is not good enough.
        """
        return _account(await self.register(name, email, password, role))

    async def login(self, identifier: str, password: str, address: str | None = None) -> str:
        """Return a token for the person with these credentials.

        Args:
            identifier: E-mail address in lower case, or username; only an address has an ``@``.
            password: Password in clear text.
            address: Network address of the client; clients without one share the limits of one
                network.

        Raises:
            UserNotFoundError: The address or the username has no account, and registration is open.
            WrongPasswordError: The password is wrong, or the account is disabled; without open
                registration also for an address or a username without an account.
            TooManyFailuresError: The account or the network had too many failures.
            SignInUnavailableError: The system that knows the password is unreachable, or too many
                passwords wait to be checked.
        """
        with self._passwords.place():
            return await self._login(identifier, password, address)

    async def _login(self, identifier: str, password: str, address: str | None) -> str:
        account = await self.tried(identifier)
        try:
            user, token = await self._guessing.attempt(
                counted_as(identifier, account),
                address,
                lambda: self._signed_in(identifier, account, password),
            )
        except (UserNotFoundError, WrongPasswordError):
            entry = SIGN_IN_FAILED.entry(about={"account": account.id if account else None})
            await self._plugins.changes.note(entry)
            raise
        await self._plugins.changes.note(SIGNED_IN.entry(str(user.id), about={"account": user.id}))
        return token

    async def _signed_in(
        self, identifier: str, account: User | None, password: str
    ) -> tuple[User, str]:
        try:
            user = await self._verified(identifier, account, password)
        except UserNotFoundError:
            if self._rule.is_open:
                raise
            # A wrong password takes as long.
            await self._passwords.match(password, None)
            raise WrongPasswordError from None
        return user, await self.issue_token(user)

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
        user = await self._known(identity)
        await self._plugins.changes.note(SIGNED_IN.entry(str(user.id), about={"account": user.id}))
        return user

    async def _known(self, identity: Identity) -> User:
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

    async def _verified(self, identifier: str, account: User | None, password: str) -> User:
        # Plugins decide by the address, and a username must be no way around them.
        email = identifier if "@" in identifier else account and account.email
        if email:
            verified = await self._verified_elsewhere(email, password)
            if verified is not None:
                return verified
        user = found(account)
        if not await self._passwords.match(password, user.password):
            raise WrongPasswordError
        return user

    async def _verified_elsewhere(self, email: str, password: str) -> User | None:
        """Return the account of a person whom a plugin verifies; None if no plugin knows them."""
        try:
            identity = await self._plugins.verify_credentials(email, password)
        except CredentialsRefusedError as error:
            raise WrongPasswordError from error
        if identity is None:
            return None
        try:
            return await self._known(identity)
        except IdentityRefusedError as error:
            log.warning("sign-in refused", issuer=identity.issuer, reason=str(error))
            raise

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

    async def set_password(self, identifier: str, password: str) -> None:
        """Set the password of an account; its tokens end.

        Args:
            identifier: E-mail address in lower case, or username; only an address has an ``@``.
            password: Password in clear text, at most 72 bytes of UTF-8.

        Raises:
            UserNotFoundError: The address or the username has no account.
            UnfitPasswordError: The password is not good enough.
        """
        await self.give_password(await self.by_identifier(identifier), password)

    async def give_password(
        self,
        user: User,
        password: str,
        only_if: Callable[[], Awaitable[None]] | None = None,
        *,
        vouched: bool = False,
    ) -> User:
        """Set the password of an account that was looked up; its tokens end.

        Args:
            user: The account.
            password: Password in clear text, at most 72 bytes of UTF-8.
            only_if: Function that is awaited when the password can be stored, and that may still
                refuse by an error; None for no such function.
            vouched: Whether the person has proved that the account's address is theirs.

        Returns:
            The account after the change.

        Raises:
            UserNotFoundError: The account does not exist any more.
            UnfitPasswordError: The password is not good enough.
        """
        await self.check_password(user, password)
        hashed = await self._passwords.hashed(password)
        if only_if is not None:
            await only_if()
        changes = UserChanges(password=hashed)
        if vouched and not user.vouched:
            changes["vouched"] = True
        return await self._change(user.id, changes, revoke=True)

    async def check_password(self, user: User, password: str) -> None:
        """Let a new password of an account pass, or refuse; nothing changes.

        Args:
            user: The account.
            password: Password in clear text.

        Raises:
            UnfitPasswordError: The password is not good enough.
            HookFailedError: A plugin failed to say which words are too easily guessed.
        """
        rule = self._password_rule
        rule.check(password, user.display_name, user.email, user.username)
        if not self._rule.is_open:
            rule.check_words(password, await words_of_plugins(self._plugins, _account(user)))

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
        return await self._change(key_of(user_id), UserChanges(disabled=True), revoke=True)

    async def enable(self, user_id: str) -> User:
        """Let a disabled account sign in again.

        Args:
            user_id: The user's ``_id``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._change(key_of(user_id), UserChanges(disabled=False))

    async def revoke(self, user_id: str) -> User:
        """End all tokens of an account, in all processes; the person may sign in again.

        Args:
            user_id: The user's ``_id``.

        Raises:
            UserNotFoundError: There is no such account.
        """
        return await self._change(key_of(user_id), UserChanges(), revoke=True)

    async def _change(
        self, user_id: ObjectId, changes: UserChanges, *, revoke: bool = False
    ) -> User:
        user = found(await self._store.get(user_id))
        return found(
            await change_account(self._store, self._plugins.changes, user, changes, revoke=revoke)
        )


def _account(user: User) -> Account:
    return Account(str(user.id), user.email, user.name, user.role, frozenset(user.groups))
