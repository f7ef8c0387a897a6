"""Reads and writes of many accounts at once, for imports. Only a takeover ends a password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymongo import UpdateOne

from quartapp import bulk_write, read_pages, utc_now
from quartapp_auth.accounts.mongo_store import ENDED_TOKENS, NAME_KEYS, USERNAME_KEY
from quartapp_auth.accounts.search import name_keys
from quartapp_auth.accounts.users import username_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bson import ObjectId

    from quartapp import Database, Document


ACCOUNTS_PER_READ = 5000
_FIELDS = (
    *("email", "displayName", "role", "sourcedId", "disabled", "username", USERNAME_KEY),
    *("contactEmail", "otherSourcedIds", "left", "vouched"),
)


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account, for bulk work.

    Attributes:
        id: ``_id`` of the account; the caller makes the one of a new account.
        email: E-mail address in lower case; None for an account with a username.
        display_name: Name for people, trimmed.
        role: ``teacher`` or ``student``.
        sourced_id: Identifier in the system that the account was imported from; None for an account
            made here.
        disabled: Whether signing in is refused.
        username: Username that signs in; None leaves the account's username as it is.
        contact_email: Address for mail that another account signs in with; None without one.
        other_sourced_ids: Further identifiers of the person in that system.
        gone: Whether the person has left, as that system says.
        vouched: Whether an import, an administrator or an issuer says that the address is the
            person's. A write leaves the answer alone, but an account with a ``sourced_id`` is
            vouched for from then on.
        taken_over: Whether a write takes the account from whoever has it: its password, its tokens
            and its identity in another system end.
    """

    id: ObjectId
    email: str | None
    display_name: str
    role: str
    sourced_id: str | None
    disabled: bool = False
    username: str | None = None
    contact_email: str | None = None
    other_sourced_ids: tuple[str, ...] = ()
    gone: bool = False
    vouched: bool = False
    taken_over: bool = False


class BulkAccounts:
    """Bulk reads and writes of accounts.

    Plugins hear of no event from here: the caller tells them with ``Plugins.on_events``.

    Args:
        database: The database that has the accounts.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[AccountEntry]]:
        """Yield all accounts in pages of a few thousand, sorted by ``_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async for page in read_pages(self._database, "users", ACCOUNTS_PER_READ, _FIELDS):
            yield [_entry(document) for document in page]

    async def save(self, accounts: Sequence[AccountEntry]) -> list[AccountEntry]:
        """Create or change accounts. Each write can be repeated; only a takeover ends a password.

        Args:
            accounts: About a thousand accounts at most.

        Returns:
            The accounts that were not written because another account has their address, username
            or ``sourced_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be written.
        """
        async with self._database.operation():
            refused = await bulk_write(
                self._database.documents["users"], [_write(account) for account in accounts]
            )
        return [accounts[index] for index in refused]


def _entry(document: Document) -> AccountEntry:
    return AccountEntry(
        document["_id"],
        document.get("email"),
        document["displayName"],
        document["role"],
        document.get("sourcedId"),
        bool(document.get("disabled")),
        # A username without a key is that of another system, and does not sign in here.
        document.get("username") if USERNAME_KEY in document else None,
        document.get("contactEmail"),
        tuple(document.get("otherSourcedIds", ())),
        bool(document.get("left")),
        bool(document.get("vouched")) or "sourcedId" in document,
    )


def _write(account: AccountEntry) -> UpdateOne:
    now = utc_now()
    # A disabled account, or one with another role, loses its tokens, which are outdated. A new
    # account has no tokens.
    ends: object = account.taken_over or {
        "$and": [
            {"$ne": [{"$type": "$role"}, "missing"]},
            {
                "$or": [
                    {"$ne": ["$role", account.role]},
                    {"$and": [account.disabled, {"$ne": ["$disabled", True]}]},
                ]
            },
        ]
    }
    kept: Document = {
        # Literals: a name may start like an expression of MongoDB.
        "name": {"$literal": account.display_name.lower()},
        "displayName": {"$literal": account.display_name},
        NAME_KEYS: {"$literal": name_keys(account.display_name)},
        "email": _given(account.email),
        "contactEmail": _given(account.contact_email),
        "role": {"$literal": account.role},
        "sourcedId": _given(account.sourced_id),
        "otherSourcedIds": _given(list(account.other_sourced_ids)),
        "left": _given(account.gone),
        "disabled": _given(account.disabled),
        "ver": {"$cond": [ends, {"$add": [{"$ifNull": ["$ver", 0]}, 1]}, "$ver"]},
        "vouched": {"$literal": True} if account.sourced_id else "$vouched",
        "createdAt": {"$ifNull": ["$createdAt", now]},
        "updatedAt": now,
    }
    if account.taken_over:
        kept |= dict.fromkeys(("password", "issuer", "subject", ENDED_TOKENS), "$$REMOVE")
    if account.username:
        kept["username"] = {"$literal": account.username}
        kept[USERNAME_KEY] = _given(username_key(account.username))
    return UpdateOne({"_id": account.id}, [{"$set": kept}], upsert=True)


def _given(value: object) -> object:
    """Return the expression that stores a value, or removes the field of an empty one."""
    return {"$literal": value} if value else "$$REMOVE"
