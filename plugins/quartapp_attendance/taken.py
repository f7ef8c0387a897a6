"""The classes that have had a session on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

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
