"""The erasure of people: what tells who they are goes, and their ids stay as pseudonyms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import utc_now
from quartapp_auth.accounts.mongo_store import NAME_KEYS, USERNAME_KEY
from quartapp_auth.accounts.search import name_keys
from quartapp_auth.audited import ERASED
from quartapp_auth.credentials.codes import COLLECTION as ONE_TIME_CODES

if TYPE_CHECKING:
    from quartapp import Changes, Database, Document, Plugins
    from quartapp_auth.accounts.users import User
    from quartapp_auth.administration.administration import Administration

USERS = "users"
# Fields of an account that tell who the person is, or that sign them in.
_FIELDS = (
    *("email", "contactEmail", "username", USERNAME_KEY, "password", "groups", "vouched"),
    *("issuer", "subject", "sourcedId", "otherSourcedIds"),
)
ENDING = 6


def pseudonym(user_id: str) -> str:
    """Return the name of an erased person.

    Args:
        user_id: Id of the person.
    """
    return f"Erased {user_id[-ENDING:]}"


class Erasure:
    """Erases people.

    Args:
        database: The database that has the accounts.
        administration: The changes of accounts, which end tokens and keep one administrator.
        plugins: The plugins, which erase what they keep.
    """

    def __init__(
        self, database: Database, administration: Administration, plugins: Plugins
    ) -> None:
        self._database = database
        self._administration = administration
        self._plugins = plugins

    async def erase(self, user_id: str, *, dry_run: bool) -> dict[str, dict[str, int]]:
        """Erase a person, and end their tokens; or count what would be erased.

        A request that has failed half way can be repeated.

        Args:
            user_id: Id of the person.
            dry_run: Whether to change nothing, and only to count.

        Returns:
            Numbers of what is erased, by plugin.

        Raises:
            UserNotFoundError: There is no such account.
            LastAdministratorError: Nobody else is an administrator.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        user = await self._administration.person(user_id)
        if not dry_run:
            # Nobody adds to what is being erased.
            await self._administration.disable(str(user.id))
        return await self._plugins.erase_person(str(user.id), dry_run=dry_run)


async def erase_account(
    database: Database, changes: Changes, user: User, *, dry_run: bool
) -> dict[str, int]:
    """Take out of an account, and of invitations and codes, what tells who the person is.

    Args:
        database: The database that has the accounts.
        changes: Store of changes with their entries in the audit.
        user: The account.
        dry_run: Whether to change nothing, and only to count.

    Returns:
        Numbers of what is erased.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key, documents = ObjectId(user.id), database.documents
    invited: Document = {"email": {"$ne": None}, "usedBy": key}
    if user.email is not None:
        invited = {"email": {"$ne": None}, "$or": [{"usedBy": key}, {"email": user.email}]}
    name = pseudonym(str(user.id))
    async with database.operation():
        numbers = {
            "accounts": int(user.display_name != name),
            "invitations": await documents["invitations"].count_documents(invited),
            "codes": await documents[ONE_TIME_CODES].count_documents({"_id": key}),
        }
        if dry_run:
            return numbers
        await documents["invitations"].update_many(invited, {"$set": {"email": None}})
        await documents[ONE_TIME_CODES].delete_one({"_id": key})
    kept = {"name": name.lower(), "displayName": name, NAME_KEYS: name_keys(name)}

    async def change() -> Document | None:
        async with database.operation():
            return await database.documents[USERS].find_one_and_update(
                {"_id": key},
                {
                    "$set": {**kept, "disabled": True, "updatedAt": utc_now()},
                    "$unset": dict.fromkeys(_FIELDS, ""),
                },
            )

    if numbers["accounts"]:
        await changes.stored([], change, audited=[ERASED.entry(about={"account": key})])
    return numbers
