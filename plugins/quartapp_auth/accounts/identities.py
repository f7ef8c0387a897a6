"""The accounts of people whom another system has verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from bson import ObjectId

from quartapp import utc_now
from quartapp_auth.accounts.users import User, UserChanges, username_key
from quartapp_auth.audited import change_account
from quartapp_auth.audited import registered as audited
from quartapp_auth.errors import EmailTakenError, IdentityRefusedError
from quartapp_auth.happenings import UserRegistered

if TYPE_CHECKING:
    from quartapp import Identity, Plugins
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.settings import AuthSettings

log = structlog.get_logger("quartapp.auth")

# Two first sign-ins at the same time: one creates the account, the other finds it at the second
# attempt.
LOOKS = 3


class Identities:
    """Finds, creates and updates accounts of people from other systems.

    Args:
        store: The store of accounts.
        settings: Settings with the fields that follow the other system.
        plugins: Plugins of the app, which are told of new accounts.
    """

    def __init__(self, store: UserStore, settings: AuthSettings, plugins: Plugins) -> None:
        self._store = store
        self._sync = settings.sync
        self._plugins = plugins

    async def account(self, identity: Identity) -> User:
        """Return the account of an identity, up to date; create it at the first sign-in.

        Args:
            identity: The verified identity.

        Raises:
            IdentityRefusedError: The identity leads to no account; the text gives the reason.
        """
        issuer, subject = _named(identity)
        for _ in range(LOOKS):
            user = await self._store.by_subject(issuer, subject)
            if user is not None:
                return await self.follow(user, identity)
            email = _address(identity)
            user = await self._store.by_email(email) if email else None
            try:
                if user is None:
                    return await self._make(identity, email)
                if user.issuer is not None and (user.issuer, user.subject) == (issuer, subject):
                    # Another first sign-in of the same person has created the account meanwhile.
                    return await self.follow(user, identity)
                return await self._link(user, identity)
            except EmailTakenError:
                continue
        raise IdentityRefusedError("another account has the address")

    async def follow(self, user: User, identity: Identity) -> User:
        """Update an account from its identity.

        Args:
            user: The account.
            identity: The present identity of the person.
        """
        changes = await self._possible(user, self._changes(user, identity))
        if not changes:
            return user
        revoke = changes.get("role", user.role) != user.role or bool(changes.get("disabled"))
        try:
            changed = await self._change(user, changes, revoke=revoke)
        except EmailTakenError:
            log.warning(
                "an account keeps its address and username, as another has the new one",
                user=str(user.id),
            )
            changes.pop("email", None)
            changes.pop("username", None)
            changed = await self._change(user, changes, revoke=revoke)
        return changed or user

    async def _make(self, identity: Identity, email: str | None) -> User:
        name = (identity.name or "").strip()
        username = await self._free(identity.username)
        if not (email or username_key(username)) or not name or not identity.role:
            raise IdentityRefusedError(
                "a new account needs an address or a free username, a name and a role, "
                "and the identity lacks one of them"
            )
        issuer, subject = _named(identity)
        now = utc_now()
        user = User(
            id=ObjectId(),
            name=name.lower(),
            display_name=name,
            email=email,
            role=identity.role,
            created_at=now,
            updated_at=now,
            disabled=bool(identity.disabled),
            issuer=issuer,
            subject=subject,
            username=username,
            groups=tuple(sorted(identity.groups)),
            vouched=identity.email_verified,
        )

        async def insert() -> User:
            await self._store.insert(user)
            return user

        registered = UserRegistered(str(user.id), user.role)
        await self._plugins.changes.stored([registered], insert, audited=audited(user))
        await self._plugins.on_event(registered)
        return user

    async def _link(self, user: User, identity: Identity) -> User:
        """Link an existing account to a person of another system."""
        if user.issuer is not None:
            raise IdentityRefusedError("the address has the account of another identity")
        if not identity.email_verified:
            raise IdentityRefusedError(
                "the address has an account here, and the issuer has not verified the address"
            )
        issuer, subject = _named(identity)
        changes = await self._possible(user, self._changes(user, identity))
        changes |= UserChanges(issuer=issuer, subject=subject)
        # Somebody else may have created the account, so its password and its tokens must no longer
        # work.
        changes |= UserChanges(password=None, vouched=True)
        changed = await self._change(user, changes, revoke=True)
        log.info("an account belongs to another system now", user=str(user.id), issuer=issuer)
        return changed or user

    async def _change(self, user: User, fields: UserChanges, *, revoke: bool) -> User | None:
        return await change_account(self._store, self._plugins.changes, user, fields, revoke=revoke)

    async def _free(self, username: str | None, user: User | None = None) -> str | None:
        """Return a username unless another account signs in with it; None otherwise."""
        key = username_key(username)
        holder = None if key is None else await self._store.by_username(key)
        if holder is None or (user is not None and holder.id == user.id):
            return username
        log.warning("a username is that of another account", holder=str(holder.id))
        return None

    async def _possible(self, user: User, changes: UserChanges) -> UserChanges:
        """Leave out a username that another account has."""
        if changes.get("username") and await self._free(changes["username"], user) is None:
            changes.pop("username")
        return changes

    def _changes(self, user: User, identity: Identity) -> UserChanges:
        changes = UserChanges()
        name, email = (identity.name or "").strip(), _address(identity)
        if "name" in self._sync and name and name != user.display_name:
            changes |= UserChanges(name=name.lower(), display_name=name)
        if "email" in self._sync and email and identity.email_verified and email != user.email:
            changes["email"] = email
        own = changes.get("email", user.email)
        if identity.email_verified and email == own and not user.vouched:
            changes["vouched"] = True
        if "role" in self._sync and identity.role and identity.role != user.role:
            changes["role"] = identity.role
        wanted = identity.disabled
        if "disabled" in self._sync and wanted is not None and wanted != user.disabled:
            changes["disabled"] = wanted
        if identity.username and identity.username != user.username:
            changes["username"] = identity.username
        groups = tuple(sorted(identity.groups))
        if groups != user.groups:
            changes["groups"] = groups
        return changes


def _address(identity: Identity) -> str | None:
    return (identity.email or "").strip().lower() or None


def _named(identity: Identity) -> tuple[str, str]:
    if not identity.issuer:
        raise ValueError("an identity needs an issuer to sign in")
    return identity.issuer, identity.subject or (identity.email or "").strip().lower()
