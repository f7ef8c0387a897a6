"""Many accounts at once, for imports. Nobody's password is read or written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import UpdateOne

from quartapp import bulk_write, utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from quartapp import Database, Document


ACCOUNTS_PER_READ = 5000
_FIRST_ID = ObjectId("0" * 24)
_FIELDS = ("email", "displayName", "role", "sourcedId", "disabled")


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account as bulk work sees it.

    Attributes:
        id: Its ``_id``; for a new account, one made by the caller.
        email: Lower-cased address.
        display_name: The name for people to read, trimmed.
        role: ``teacher`` or ``student``.
        sourced_id: Its identifier in the system it comes from; None for one made here.
        disabled: Whether signing in is refused.
    """

    id: ObjectId
    email: str
    display_name: str
    role: str
    sourced_id: str | None
    disabled: bool = False


class BulkAccounts:
    """Accounts by the thousand.

    No event is told: whoever imports says so once, instead of a hundred thousand times.

    Args:
        database: Where they live.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[AccountEntry]]:
        """Every account, a few thousand at a time, by ``_id``.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        last = _FIRST_ID
        while True:
            async with self._database.operation():
                cursor = self._database.documents["users"].find(
                    {"_id": {"$gt": last}}, _FIELDS, sort=[("_id", 1)], limit=ACCOUNTS_PER_READ
                )
                found = await cursor.to_list()
            if not found:
                return
            yield [_entry(document) for document in found]
            last = found[-1]["_id"]

    async def save(self, accounts: Sequence[AccountEntry]) -> list[AccountEntry]:
        """Make or change accounts. Each is one write that can be repeated; passwords stay.

        Args:
            accounts: A thousand or so.

        Returns:
            Those that were not written, since another account has their address or ``sourced_id``.

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
        document["email"],
        document["displayName"],
        document["role"],
        document.get("sourcedId"),
        bool(document.get("disabled")),
    )


def _write(account: AccountEntry) -> UpdateOne:
    now = utc_now()
    disabled = {"$literal": True} if account.disabled else "$$REMOVE"
    # Whoever is disabled, or has another role, loses the tokens that say otherwise. An account
    # that is new has none.
    ends = {
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
        # Names are what people typed, and may begin as an expression does.
        "name": {"$literal": account.display_name.lower()},
        "displayName": {"$literal": account.display_name},
        "email": {"$literal": account.email},
        "role": {"$literal": account.role},
        "sourcedId": {"$literal": account.sourced_id} if account.sourced_id else "$$REMOVE",
        "disabled": disabled,
        "ver": {"$cond": [ends, {"$add": [{"$ifNull": ["$ver", 0]}, 1]}, "$ver"]},
        "createdAt": {"$ifNull": ["$createdAt", now]},
        "updatedAt": now,
    }
    return UpdateOne({"_id": account.id}, [{"$set": kept}], upsert=True)
