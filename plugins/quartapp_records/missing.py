"""Columns of sessions whose process died between the end of the session and its column."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from quartapp_attendance import OUTCOMES, Session, SessionState
from quartapp_records.models import Column, ColumnsBuilt

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp import Clock, Database, Document
    from quartapp_records.columns import Columns

DOCUMENT_ID = "columns"
# Clocks of servers differ, and the end of a session is stored a moment before its records.
SLACK = timedelta(minutes=15)
AT_ONCE = 200
_FIELDS = ("classId", "date", "startedAt", "endedAt", "roll")


class MissingColumns:
    """Builds the columns that are missing.

    Registers build what they miss when they are read; readers of changes hear of a session by its
    column alone.

    Args:
        database: The database that has sessions and columns.
        clock: Clock that tells how far the search has come.
        columns: The columns.
    """

    def __init__(self, database: Database, clock: Clock, columns: Columns) -> None:
        self._database = database
        self._clock = clock
        self._columns = columns

    async def build(self) -> None:
        """Build the columns of sessions that have ended since the last call.

        The first call of an installation begins with the sessions of the last minutes.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        now = self._clock.now()
        known = await self._database.one(ColumnsBuilt.collection(), {"_id": DOCUMENT_ID})
        since = (now if known is None else known["through"]) - SLACK
        # A session that is still being closed ended earlier than its records are there.
        closing = await self._database.one(
            Session.collection(),
            {"state": SessionState.CLOSING, "endedAt": {"$lt": now}},
            {"endedAt": 1},
        )
        through = now if closing is None else min(now, closing["endedAt"])
        while found := await self._missing(since):
            for session in found:
                await self._columns.build(session)
            if len(found) < AT_ONCE:
                break
        async with self._database.operation():
            await self._database.documents[ColumnsBuilt.collection()].update_one(
                {"_id": DOCUMENT_ID}, {"$max": {"through": through}}, upsert=True
            )

    async def _missing(self, since: datetime) -> list[Document]:
        async with self._database.operation():
            found = await self._database.documents[Session.collection()].aggregate(
                [
                    {"$match": {"state": {"$in": list(OUTCOMES)}, "endedAt": {"$gte": since}}},
                    {"$project": dict.fromkeys(_FIELDS, 1)},
                    {
                        "$lookup": {
                            "from": Column.collection(),
                            "localField": "_id",
                            "foreignField": "_id",
                            "pipeline": [{"$project": {"_id": 1}}],
                            "as": "column",
                        }
                    },
                    {"$match": {"column": []}},
                    {"$limit": AT_ONCE},
                    {"$unset": "column"},
                ]
            )
            return await found.to_list()
