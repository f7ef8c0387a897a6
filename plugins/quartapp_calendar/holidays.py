"""The holidays of the institution, entered by hand or imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from quartapp import object_id
from quartapp_calendar.audited import (
    HOLIDAY_CREATED,
    HOLIDAY_DELETED,
    IMPORT_DELETED,
    IMPORTED,
)
from quartapp_calendar.errors import HolidayNotFoundError, ImportNotFoundError, TooManyError
from quartapp_calendar.happenings import HolidaysChanged
from quartapp_calendar.ical import MOST_HOLIDAYS
from quartapp_calendar.lists import Lists
from quartapp_calendar.models import HOLIDAYS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from quartapp import AuditEntry, Clock, Database, Document, Plugins
    from quartapp_calendar.ical import Span

LISTED = 100
BY_HAND = ""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday of one day or several.

    Attributes:
        id: ``_id`` of the holiday.
        name: Name of the holiday.
        first: First day, as a local date in ISO 8601.
        last: Last day, as a local date in ISO 8601.
        source: Name under which the holiday was imported; None for one that was entered by hand.
    """

    id: ObjectId
    name: str
    first: str
    last: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Import:
    """The last import from a source.

    Attributes:
        source: Name of the source.
        holidays: Number of its holidays.
        at: When the import was made.
    """

    source: str
    holidays: int
    at: datetime


class Holidays:
    """Enters, imports, deletes and finds holidays.

    Args:
        database: The app's database.
        plugins: The plugins that receive events.
        clock: The app's clock.
    """

    def __init__(self, database: Database, plugins: Plugins, clock: Clock) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._lists = Lists(database, plugins, HOLIDAYS)

    async def page(
        self,
        first: date | None = None,
        last: date | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Holiday]:
        """Return holidays, sorted by ``_id``; those of an import are in the order of their days.

        Args:
            first: Day before which a holiday of the list does not end; None for any.
            last: Day after which a holiday of the list does not begin; None for any.
            limit: Largest number of holidays; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.
        """
        matching: Document = {}
        if after is not None:
            matching["holidays._id"] = {"$gt": ObjectId(after)}
        order: list[Document] = [{"$sort": {"holidays._id": 1}}, {"$limit": limit or LISTED}]
        return await self._find(first, last, matching, order)

    async def between(self, first: date, last: date) -> list[Holiday]:
        """Return all holidays that have a day from ``first`` to ``last``, in no order.

        Args:
            first: First day.
            last: Last day.
        """
        return await self._find(first, last, {}, [])

    async def create(self, name: str, first: date, last: date) -> Holiday:
        """Enter a holiday.

        Args:
            name: Name of the holiday, trimmed.
            first: First day.
            last: Last day.

        Raises:
            TooManyError: ``MOST_HOLIDAYS`` holidays were entered.
        """
        holiday = Holiday(ObjectId(), name, first.isoformat(), last.isoformat(), None)
        room = {f"holidays.{MOST_HOLIDAYS - 1}": {"$exists": False}}
        await self._lists.begin(BY_HAND, "holidays")
        changed = await self._lists.change(
            {"_id": BY_HAND, **room},
            {"$push": {"holidays": _document(holiday)}},
            HolidaysChanged(None),
            [HOLIDAY_CREATED.entry(about={"holiday": holiday.id}, after=_days(holiday))],
        )
        if not changed:
            raise TooManyError
        return holiday

    async def delete(self, holiday_id: str) -> Holiday:
        """Delete a holiday. A further import from its source may bring it again.

        Args:
            holiday_id: ``_id`` of the holiday.

        Raises:
            HolidayNotFoundError: There is no such holiday.
        """
        key = object_id(holiday_id)
        found = [] if key is None else await self._find(None, None, {"holidays._id": key}, [])
        if not found:
            raise HolidayNotFoundError
        holiday = found[0]
        changed = await self._lists.change(
            {"_id": holiday.source or BY_HAND, "holidays._id": key},
            {"$pull": {"holidays": {"_id": key}}},
            HolidaysChanged(holiday.source),
            [HOLIDAY_DELETED.entry(about={"holiday": key}, before=_days(holiday))],
        )
        if not changed:
            raise HolidayNotFoundError
        return holiday

    async def replace(self, source: str, spans: Sequence[Span]) -> Import:
        """Put holidays in the place of all that came from the same source before.

        Args:
            source: Name of the source.
            spans: Days and names, at most ``MOST_HOLIDAYS``.
        """
        now = self._clock.now()
        holidays = [
            _document(Holiday(ObjectId(), span.name, span.first, span.last, source))
            for span in sorted(spans)
        ]
        number = len(holidays)
        given = {"$set": {"holidays": holidays, "importedAt": now}}
        audited = [IMPORTED.entry(after={"holidays": number})]
        event = HolidaysChanged(source)
        try:
            await self._lists.change({"_id": source}, given, event, audited, upsert=True)
        except DuplicateKeyError:
            # Another first import from this source was stored at the same moment.
            await self._lists.change({"_id": source}, given, event, audited, upsert=True)
        return Import(source, number, now)

    async def imports(self, limit: int | None = None, after: str | None = None) -> list[Import]:
        """Return the last import from each source, sorted by the name of the source.

        Args:
            limit: Largest number of imports; None for ``LISTED``.
            after: Name of the source behind which the list starts; None for the beginning.
        """
        pipeline: list[Document] = [
            {"$match": {"_id": {"$gt": after or BY_HAND}}},
            {"$sort": {"_id": 1}},
            {"$limit": limit or LISTED},
            {"$project": {"importedAt": 1, "number": {"$size": "$holidays"}}},
        ]
        async with self._database.operation():
            found = await (await self._lists.stored.aggregate(pipeline)).to_list()
        return [Import(one["_id"], one["number"], one["importedAt"]) for one in found]

    async def forget(self, source: str) -> Import:
        """Delete all holidays that came from a source.

        Args:
            source: Name of the source.

        Raises:
            ImportNotFoundError: No holidays were imported from the source.
        """
        query = {"$and": [{"_id": source}, {"_id": {"$ne": BY_HAND}}]}

        async def delete() -> Document | None:
            async with self._database.operation():
                return await self._lists.stored.find_one_and_delete(query)

        def entries(gone: Document) -> list[AuditEntry]:
            return [IMPORT_DELETED.entry(before={"holidays": len(gone["holidays"])})]

        event = HolidaysChanged(source)
        gone = await self._plugins.changes.stored([event], delete, audited=entries)
        if gone is None:
            raise ImportNotFoundError
        await self._plugins.on_event(event)
        return Import(source, len(gone["holidays"]), gone["importedAt"])

    async def _find(
        self, first: date | None, last: date | None, matching: Document, more: list[Document]
    ) -> list[Holiday]:
        if first is not None:
            matching["holidays.to"] = {"$gte": first.isoformat()}
        if last is not None:
            matching["holidays.from"] = {"$lte": last.isoformat()}
        pipeline: list[Document] = [{"$unwind": "$holidays"}, {"$match": matching}, *more]
        async with self._database.operation():
            found = await (await self._lists.stored.aggregate(pipeline)).to_list()
        return [_holiday(one["holidays"], one["_id"]) for one in found]


def _days(holiday: Holiday) -> dict[str, str]:
    return {"from": holiday.first, "to": holiday.last}


def _document(holiday: Holiday) -> Document:
    return {"_id": holiday.id, "name": holiday.name, **_days(holiday)}


def _holiday(document: Document, source: str) -> Holiday:
    return Holiday(
        document["_id"], document["name"], document["from"], document["to"], source or None
    )
