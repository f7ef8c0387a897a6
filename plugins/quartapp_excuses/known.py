"""What other plugins learn of excuses: whether a student has one for a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_excuses.models import EXCUSES, ExcuseState
from quartapp_records import KnownExcuse

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from quartapp import Database

# Of several excuses for a day, the one that says most.
_WEIGHT = {ExcuseState.ACCEPTED: 2, ExcuseState.OPEN: 1, ExcuseState.REFUSED: 0}


async def excuses_on(
    database: Database, day: date, student_ids: Collection[str]
) -> dict[str, KnownExcuse]:
    """Return the excuses of students for a day: of several an accepted one, then an open one.

    Args:
        database: The database that has the excuses.
        day: The local day.
        student_ids: Ids of the students.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    text = day.isoformat()
    query = {
        "studentId": {"$in": [ObjectId(one) for one in student_ids]},
        "from": {"$lte": text},
        "to": {"$gte": text},
    }
    async with database.operation():
        excuses = database.documents[EXCUSES].find(query, {"studentId": 1, "state": 1})
        found = await excuses.sort("_id", 1).to_list()
    found.sort(key=lambda one: _WEIGHT[ExcuseState(one["state"])])
    return {str(one["studentId"]): KnownExcuse(str(one["_id"]), one["state"]) for one in found}
