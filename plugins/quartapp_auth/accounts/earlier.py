"""Migrations of accounts that earlier versions have stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from pymongo import UpdateOne

from quartapp import Migration, bulk_write
from quartapp_auth.accounts.mongo_store import NAME_KEYS, USERNAME_KEY
from quartapp_auth.accounts.search import name_keys
from quartapp_auth.accounts.users import username_key

if TYPE_CHECKING:
    from quartapp import Database

log = structlog.get_logger("quartapp.auth")

KEYS_PER_WRITE = 1000
_EARLIER_INDEX = "email_1"


async def add_name_keys(database: Database) -> None:
    """Give accounts the keys by which their names are found.

    Args:
        database: The database that has the accounts.
    """
    users = database.documents["users"]
    while True:
        async with database.operation():
            found = await users.find(
                {NAME_KEYS: {"$exists": False}}, {"displayName": 1, "name": 1}
            ).to_list(KEYS_PER_WRITE)
        if not found:
            return
        writes = [
            UpdateOne(
                {"_id": user["_id"]},
                {"$set": {NAME_KEYS: name_keys(user.get("displayName") or user.get("name", ""))}},
            )
            for user in found
        ]
        async with database.operation():
            await bulk_write(users, writes)


async def add_username_keys(database: Database) -> None:
    """Let usernames sign in, and let accounts have no address.

    Of several accounts with one username, which other systems gave them, the oldest one gets the
    key. The others keep the username for people to read, and sign in as before.

    Args:
        database: The database that has the accounts.
    """
    users = database.documents["users"]
    async with database.operation():
        # The index of addresses comes back in a form that leaves out accounts without one.
        if _EARLIER_INDEX in await users.index_information():
            await users.drop_index(_EARLIER_INDEX)
    holders: dict[str, object] = {}
    writes: list[UpdateOne] = []
    async for user in users.find({"username": {"$exists": True}}, {"username": 1}).sort("_id", 1):
        key = username_key(user["username"])
        if key is None:
            continue
        holder = holders.setdefault(key, user["_id"])
        if holder == user["_id"]:
            writes.append(UpdateOne({"_id": holder}, {"$set": {USERNAME_KEY: key}}))
        else:
            log.warning(
                "accounts have one username, and the first signs in with it",
                first=str(holder),
                other=str(user["_id"]),
            )
    for first in range(0, len(writes), KEYS_PER_WRITE):
        async with database.operation():
            await bulk_write(users, writes[first : first + KEYS_PER_WRITE])


MIGRATIONS = (
    Migration(2, "names are found by each of their words", add_name_keys),
    Migration(3, "usernames are unique, and an account may have no address", add_username_keys),
)
