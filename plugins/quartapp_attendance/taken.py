"""The classes that have had a session on a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bson import ObjectId

    from quartapp import Database


class TakenSessions:
    """Tells which classes have a session of a day: live, ended or cancelled.

    Args:
        database: The app's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def classes_on(self, day: date) -> set[ObjectId]:
        """Return the ids of the classes that have a session of a day.

        Args:
            day: The local day.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            sessions = self._database.documents["sessions"]
            # The index of dates and classes answers this alone.
            return set(await sessions.distinct("classId", {"date": day.isoformat()}))

    async def days_of(
        self, class_ids: Collection[ObjectId], first: date, last: date
    ) -> set[tuple[ObjectId, date]]:
        """Return the days on which classes have a session, each with the ``_id`` of the class.

        Args:
            class_ids: ``_id`` of each class.
            first: First local day.
            last: Last local day.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        days = {"$gte": first.isoformat(), "$lte": last.isoformat()}
        async with self._database.operation():
            sessions = self._database.documents["sessions"]
            # The index of classes and dates answers this alone.
            found = sessions.find(
                {"classId": {"$in": list(class_ids)}, "date": days},
                {"_id": 0, "classId": 1, "date": 1},
            )
            return {(one["classId"], date.fromisoformat(one["date"])) async for one in found}
