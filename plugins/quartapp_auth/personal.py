"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import ObjectId

from quartapp_auth.errors import UserNotFoundError

if TYPE_CHECKING:
    from quartapp import Database
    from quartapp_auth.accounts.people import People
    from quartapp_auth.accounts.users import User

# Not the hash of the password, and no numbers that only tokens know.
_FIELDS = (
    *("display_name", "email", "contact_email", "username", "role", "groups", "disabled"),
    *("issuer", "subject", "sourced_id", "created_at", "updated_at"),
)
_INVITED = dict.fromkeys(("role", "email", "createdBy", "usedBy", "usedAt", "expiresAt"), 1)


async def personal_data(
    people: People, database: Database, user_id: str
) -> dict[str, object] | None:
    """Return a person's account, and the invitations that they made or used; None for nobody.

    Args:
        people: The accounts.
        database: The database that has the invitations.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    try:
        user = await people.get(user_id)
    except UserNotFoundError:
        return None
    key = ObjectId(user_id)
    async with database.operation():
        found = database.documents["invitations"].find(
            {"$or": [{"createdBy": key}, {"usedBy": key}]}, _INVITED
        )
        invitations = await found.to_list()
    return {"account": _account(user), "invitations": invitations}


def _account(user: User) -> dict[str, Any]:
    def named(field: str) -> str:
        first, *others = field.split("_")
        return first + "".join(map(str.title, others))

    return {named(field): getattr(user, field) for field in _FIELDS}
