"""What this plugin keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_classes.teachers import CO_TEACHERS

if TYPE_CHECKING:
    from quartapp import Database, Document

_NAMED = {"className": 1}


async def personal_data(database: Database, user_id: str) -> dict[str, object]:
    """Return the classes in which a person is a student or a teacher.

    Args:
        database: The database that has the classes.
        user_id: Id of the person.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key = ObjectId(user_id)
    # Substitutes too whose last day has passed.
    teaches = [{"teacherId": key}, {f"{CO_TEACHERS}.userId": key}]
    queries: dict[str, Document] = {"enrolled": {"studentsIds": key}, "teaches": {"$or": teaches}}
    async with database.operation():
        classes = database.documents["classes"]
        return {
            name: await classes.find(query, _NAMED).sort("_id", 1).to_list()
            for name, query in queries.items()
        }
