"""Use cases of accounts. Knows no request and no status code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from mongoengine.errors import NotUniqueError

from quartapp import Account, CredentialsRefusedError, object_id, utc_now
from quartapp_auth.errors import EmailTakenError, UserNotFoundError, WrongPasswordError
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.models import User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp import Database, Identity, Plugins, Tokens
    from quartapp_auth.passwords import Passwords

_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Contact:
    """What people on a roll see of each other.

    Attributes:
        id: The user's ``_id``.
        name: Lower-cased.
        display_name: As typed.
        email: Address.
    """

    id: ObjectId
    name: str
    display_name: str
    email: str


class UserService:
    """Accounts in the database.

    Args:
        database: Where they live.
        tokens: Issues their tokens.
        plugins: Hears what happened.
        passwords: Hashes and checks them.
    """

    def __init__(
        self, database: Database, tokens: Tokens, plugins: Plugins, passwords: Passwords
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._plugins = plugins
        self._contacts = database.joint_reads(self._read_contacts)

    async def register(self, name: str, email: str, password: str, role: str) -> User:
        """Make an account.

        Args:
            name: As typed, trimmed.
            email: Lower-cased address.
            password: In clear, at most 72 bytes of UTF-8.
            role: ``teacher`` or ``student``.

        Raises:
            EmailTakenError: The address has an account.
        """
        return await self._insert(name, email, await self._passwords.hashed(password), role)

    async def _insert(self, name: str, email: str, hashed: str | None, role: str) -> User:
        now = utc_now()
        user = User(
            name=name.lower(),
            display_name=name,
            email=email,
            password=hashed,
            role=role,
            created_at=now,
            updated_at=now,
        )
        try:
            # The unique index decides, so that simultaneous registrations have one winner.
            await self._database.run(user.save, force_insert=True)
        except NotUniqueError as error:
            raise EmailTakenError from error
        await self._plugins.on_event(UserRegistered(str(user.id), role))
        return user

    async def login(self, email: str, password: str) -> str:
        """A token for the person with these credentials.

        Raises:
            UserNotFoundError: The address has no account.
            WrongPasswordError: The password is another, or the account is disabled.
        """
        user = await self._verified(email, password)
        if user.disabled:
            raise WrongPasswordError
        return await self.issue_token(user)

    async def _verified(self, email: str, password: str) -> User:
        try:
            identity = await self._plugins.verify_credentials(email, password)
        except CredentialsRefusedError as error:
            raise WrongPasswordError from error
        if identity is not None:
            return await self._account_of(identity)
        user: User | None = await self._by_email(email)
        if user is None:
            raise UserNotFoundError
        if not await self._passwords.match(password, user.password):
            raise WrongPasswordError
        return user

    async def set_password(self, email: str, password: str) -> None:
        """Give an account a password, its first or another one.

        Args:
            email: Lower-cased address.
            password: In clear, at most 72 bytes of UTF-8.

        Raises:
            UserNotFoundError: The address has no account.
        """
        hashed = await self._passwords.hashed(password)
        changes = {"$set": {"password": hashed, "updatedAt": utc_now()}}
        changed = await self._database.run(
            lambda: User.objects(email=email).update_one(__raw__=changes)
        )
        if not changed:
            raise UserNotFoundError

    async def issue_token(self, user: User) -> str:
        """A token for ``user``, with what plugins claim for them."""
        account = Account(str(user.id), user.email, user.name, user.role)
        claims = await self._plugins.token_claims(account)
        return self._tokens.issue(account.id, account.role, claims)

    async def _account_of(self, identity: Identity) -> User:
        """The account of somebody whom a plugin verified; made at the first time."""
        email = identity.email.strip().lower()
        user: User | None = await self._by_email(email)
        if user is not None:
            return user
        try:
            return await self._insert(identity.name.strip(), email, None, identity.role)
        except EmailTakenError:
            # Two first logins at once: the other one made it.
            return await self._account_of(identity)

    async def _by_email(self, email: str) -> User | None:
        return await self._database.first(User, {"email": email})

    async def get(self, user_id: str) -> User:
        """The account with that ``_id``.

        Raises:
            UserNotFoundError: There is none.
        """
        key = object_id(user_id)
        user: User | None = None
        if key is not None:
            user = await self._database.by_id(User, key)
        if user is None:
            raise UserNotFoundError
        return user

    async def contacts(self, user_ids: Iterable[ObjectId]) -> dict[ObjectId, Contact]:
        """Names and addresses by id; accounts that are gone are left out."""
        ids = list(user_ids)
        found = await self._contacts.get_all(ids)
        return {key: found[key] for key in ids if key in found}

    async def _read_contacts(self, keys: set[object]) -> dict[object, Contact]:
        found = await self._database.by_ids("users", keys, ("name", "displayName", "email"))
        return {
            key: Contact(user["_id"], user["name"], user["displayName"], user["email"])
            for key, user in found.items()
        }

    async def students(
        self, search: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[User]:
        """Students, by ``_id``.

        Args:
            search: Start of a name or an address, in any case.
            limit: How many at most.
            after: The ``_id`` that the list starts behind.
        """
        return await self._database.run(self._students, search, limit, after)

    def _students(self, search: str | None, limit: int | None, after: str | None) -> list[User]:
        query: dict[str, object] = {"role": "student"}
        if search:
            # A range, not a pattern: it runs on the index and has no characters to escape.
            prefix = search.lower()
            reach = {"$gte": prefix, "$lt": prefix + _LAST_CHARACTER}
            query["$or"] = [{"name": reach}, {"email": reach}]
        if after:
            query["_id"] = {"$gt": ObjectId(after)}
        found = User.objects(__raw__=query).order_by("id").exclude("password")
        return list(found.limit(limit) if limit else found)
