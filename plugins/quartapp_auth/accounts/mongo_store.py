"""The store of accounts in MongoDB."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bson.regex import Regex
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp import changed_ids, utc_now
from quartapp_auth.accounts.search import beginnings, name_keys
from quartapp_auth.accounts.users import AccountState, Contact, User, username_key
from quartapp_auth.errors import EmailTakenError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from datetime import datetime

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Document
    from quartapp_auth.accounts.users import UserChanges

NAME_KEYS = "nameKeys"
ENDED_TOKENS = "endedTokens"
# The number changes with the list of ended tokens, whose changes a stream tells in several forms.
SIGN_OUTS = "signOuts"
USERNAME_KEY = "usernameKey"
# Fields with different names in the database.
_STORED_AS = {
    "id": "_id",
    "display_name": "displayName",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "sourced_id": "sourcedId",
    "contact_email": "contactEmail",
}
_FIELDS = {field: _STORED_AS.get(field, field) for field in User.__dataclass_fields__}
_CHANGES: list[Document] = [
    {
        "$match": {
            "$or": [
                {"operationType": {"$in": ["delete", "replace", "insert"]}},
                {"updateDescription.updatedFields.ver": {"$exists": True}},
                {"updateDescription.updatedFields.disabled": {"$exists": True}},
                {"updateDescription.removedFields": "disabled"},
                {f"updateDescription.updatedFields.{SIGN_OUTS}": {"$exists": True}},
            ]
        }
    },
]


class MongoUserStore:
    """The accounts in the collection ``users``; a :class:`~quartapp_auth.accounts.store.UserStore`.

    Args:
        database: The app's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._documents = database.joint_reads(self._read_documents)
        self._contacts = database.joint_reads(self._read_contacts)
        self._states = database.joint_reads(self._read_states)

    async def get(self, user_id: ObjectId) -> User | None:
        """Return the account with an ``_id``; None when there is none."""
        found = await self._documents.get(user_id)
        return None if found is None else _user(found)

    async def by_email(self, email: str) -> User | None:
        """Return the account with an e-mail address; None when there is none."""
        return await self._first({"email": email})

    async def by_username(self, key: str) -> User | None:
        """Return the account with the key of a username; None when there is none."""
        return await self._first({USERNAME_KEY: key})

    async def by_subject(self, issuer: str, subject: str) -> User | None:
        """Return the account of a person of another system; None when there is none."""
        return await self._first({"issuer": issuer, "subject": subject})

    async def insert(self, user: User) -> None:
        """Store a new account.

        Args:
            user: The account.

        Raises:
            EmailTakenError: Another account has the address or the username, or belongs to the
                same person.
        """
        values = {stored: getattr(user, field) for field, stored in _FIELDS.items()}
        # Missing values are not stored, so that sparse indexes leave them out.
        kept = {name: _encoded(value) for name, value in values.items() if value or value == ""}
        kept[NAME_KEYS] = name_keys(user.display_name)
        if user.username_key is not None:
            kept[USERNAME_KEY] = user.username_key
        async with self._database.operation():
            try:
                # The unique indexes decide, so that simultaneous registrations have one winner.
                await self._users.insert_one(kept)
            except DuplicateKeyError as error:
                raise EmailTakenError from error

    async def change(
        self, user_id: ObjectId, changes: UserChanges, *, revoke: bool = False
    ) -> User | None:
        """Change an account in one step.

        Args:
            user_id: ``_id`` of the account.
            changes: The changes.
            revoke: Whether to end the account's tokens.

        Returns:
            The changed account; None when it does not exist.

        Raises:
            EmailTakenError: Another account has the address or the username, or belongs to the
                same person.
        """
        kept: Document = {"updatedAt": utc_now()}
        dropped: Document = {}
        for field, value in changes.items():
            if value is None or value is False or value == ():
                dropped[_FIELDS[field]] = ""
            else:
                kept[_FIELDS[field]] = _encoded(value)
        if "display_name" in changes:
            kept[NAME_KEYS] = name_keys(changes["display_name"])
        if "username" in changes:
            key = username_key(changes["username"])
            (dropped if key is None else kept)[USERNAME_KEY] = key
        update: Document = {"$set": kept}
        if revoke:
            update["$inc"] = {"ver": 1}
            dropped[ENDED_TOKENS] = ""  # they have the number before
        if dropped:
            update["$unset"] = dropped
        async with self._database.operation():
            try:
                found = await self._users.find_one_and_update(
                    {"_id": user_id}, update, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError as error:
                raise EmailTakenError from error
        return None if found is None else _user(found)

    async def end_token(
        self, user_id: ObjectId, name: str, until: datetime, now: datetime
    ) -> AccountState | None:
        """Keep the name of an ended token, and forget the names of tokens that have run out.

        Args:
            user_id: ``_id`` of the account.
            name: Name of the token.
            until: Time at which the token runs out.
            now: The present time.

        Returns:
            The account's state after the change; None when the account does not exist.
        """
        still = {
            "$and": [{"$gt": ["$$this.until", now]}, {"$ne": ["$$this.name", {"$literal": name}]}]
        }
        others = {"$filter": {"input": {"$ifNull": [f"${ENDED_TOKENS}", []]}, "cond": still}}
        ended = [{"name": {"$literal": name}, "until": until}]
        update = {
            ENDED_TOKENS: {"$concatArrays": [others, ended]},
            SIGN_OUTS: {"$add": [{"$ifNull": [f"${SIGN_OUTS}", 0]}, 1]},
        }
        async with self._database.operation():
            found = await self._users.find_one_and_update(
                {"_id": user_id}, [{"$set": update}], return_document=ReturnDocument.AFTER
            )
        return None if found is None else _state(found)

    async def contacts(self, user_ids: Collection[ObjectId]) -> Mapping[ObjectId, Contact]:
        """Return names and addresses by id; deleted accounts are left out."""
        ids = list(user_ids)
        found = await self._contacts.get_all(ids)
        return {key: found[key] for key in ids if key in found}

    async def students(
        self, search: str | None = None, limit: int | None = None, after: ObjectId | None = None
    ) -> list[User]:
        """Return students, sorted by ``_id``."""
        query: Document = {"role": "student"}
        if search:
            query["$or"] = _known_by(search)
        return await self._listed(query, limit, after)

    async def people(
        self,
        search: str | None = None,
        roles: Collection[str] | None = None,
        limit: int | None = None,
        after: ObjectId | None = None,
    ) -> list[User]:
        """Return accounts of people, also disabled ones, sorted by ``_id``."""
        query: Document = {} if roles is None else {"role": {"$in": list(roles)}}
        if search:
            key = username_key(search)
            by_username = [] if key is None else [{USERNAME_KEY: _beginning(key)}]
            query["$or"] = [*_known_by(search), *by_username]
        return await self._listed(query, limit, after)

    async def everybody(self) -> AsyncIterator[User]:
        """Yield all accounts, sorted by ``_id``."""
        async for document in self._users.find({}, {"password": 0}).sort("_id", 1):
            yield _user(document)

    async def states(self, user_ids: Collection[ObjectId]) -> Mapping[ObjectId, AccountState]:
        """Return the states of accounts by id; deleted accounts are left out."""
        return await self._states.get_all(list(user_ids))

    def changes(self) -> AsyncIterator[Collection[ObjectId]] | None:
        """Watch the accounts across all processes; return None on a standalone MongoDB."""
        if not self._database.change_streams:
            return None
        return changed_ids(self._database, "users", _CHANGES)

    @property
    def _users(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents["users"]

    async def _listed(
        self, query: Document, limit: int | None, after: ObjectId | None
    ) -> list[User]:
        if after:
            query["_id"] = {"$gt": after}
        async with self._database.operation():
            found = self._users.find(query, {"password": 0}).sort("_id", 1).limit(limit or 0)
            return [_user(document) for document in await found.to_list()]

    async def _first(self, query: Document) -> User | None:
        async with self._database.operation():
            found = await self._users.find_one(query)
        return None if found is None else _user(found)

    async def _read_documents(self, keys: set[object]) -> dict[object, Document]:
        return await self._database.by_ids("users", keys)

    async def _read_contacts(self, keys: set[ObjectId]) -> dict[ObjectId, Contact]:
        found = await self._database.by_ids("users", {*keys}, ("name", "displayName", "email"))
        return {
            user["_id"]: Contact(user["_id"], user["name"], user["displayName"], user.get("email"))
            for user in found.values()
        }

    async def _read_states(self, keys: set[ObjectId]) -> dict[ObjectId, AccountState]:
        fields = ("ver", "disabled", ENDED_TOKENS)
        found = await self._database.by_ids("users", {*keys}, fields)
        return {user["_id"]: _state(user) for user in found.values()}


def _known_by(search: str) -> list[Document]:
    """Return the queries for people whose name or address begins like a text."""
    names = [_beginning(begin) for begin in beginnings(search)]
    return [{NAME_KEYS: {"$in": names}}, {"email": _beginning(search.lower())}]


def _beginning(text: str) -> Regex[str]:
    # Anchored and without options, a pattern is a range of an index. Python's own patterns bring
    # the option for Unicode along. BSON ends a pattern at NUL, so that is written as its code.
    return Regex(f"^{re.escape(text)}".replace("\0", r"\x00"))


def _state(document: Document) -> AccountState:
    ended = frozenset(token["name"] for token in document.get(ENDED_TOKENS, ()))
    return AccountState(document.get("ver", 0), bool(document.get("disabled")), ended)


def _user(document: Document) -> User:
    values = {field: document[stored] for field, stored in _FIELDS.items() if stored in document}
    return User(**{**values, "groups": tuple(document.get("groups", ()))})


def _encoded(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
