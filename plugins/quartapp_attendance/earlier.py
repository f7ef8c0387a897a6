"""Dates and versions for sessions and records that an earlier version has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo import UpdateOne

from quartapp import bulk_write, read_pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from quartapp import Database, Document

DATES = "sessions have their local date, and records their version"
PAGE = 1000


async def give_dates(database: Database, local_day: Callable[[datetime], date]) -> None:
    """Give each session its local date, and each record its version.

    Servers of an earlier version may still run, and store further ones without: whoever reads takes
    a record without a version for one of version 1.

    Args:
        database: The database that has sessions and records.
        local_day: Function that returns the local date of a moment.
    """
    async for page in read_pages(database, "sessions", PAGE, ("startedAt", "date")):
        writes = [
            UpdateOne(
                {"_id": session["_id"]},
                {"$set": {"date": local_day(session["startedAt"]).isoformat()}},
            )
            for session in page
            if "date" not in session
        ]
        if writes:
            async with database.operation():
                await bulk_write(database.documents["sessions"], writes)
    async for page in read_pages(database, "attendance", PAGE, ("v",)):
        missing = [record["_id"] for record in page if "v" not in record]
        if missing:
            query: Document = {"_id": {"$in": missing}, "v": None}
            async with database.operation():
                await database.documents["attendance"].update_many(query, {"$set": {"v": 1}})
