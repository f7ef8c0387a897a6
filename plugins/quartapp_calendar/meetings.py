"""The weekly meetings of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_calendar.audited import MEETING_ADDED, MEETING_DELETED
from quartapp_calendar.errors import MeetingNotFoundError, TermNotFoundError, TooManyError
from quartapp_calendar.happenings import MeetingsChanged
from quartapp_calendar.models import MEETINGS
from quartapp_classes import ClassNotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins
    from quartapp_calendar.terms import Terms
    from quartapp_classes import ClassRoom, ClassService

MOST_MEETINGS = 50


@dataclass(frozen=True, slots=True)
class Meeting:
    """A weekly meeting of a class.

    Attributes:
        id: ``_id`` of the meeting.
        class_id: ``_id`` of the class.
        weekday: Day of the week by ISO 8601, from 1 for Monday to 7 for Sunday.
        starts: Local time of the start, such as ``09:45``.
        ends: Local time of the end, on the same day.
        room: Where the class meets; None for no word.
        term_id: ``_id`` of the term that the meeting belongs to; None for every term.
        created_at: When the meeting was added; None where nobody knows.
    """

    id: ObjectId
    class_id: ObjectId
    weekday: int
    starts: str
    ends: str
    room: str | None = None
    term_id: ObjectId | None = None
    created_at: datetime | None = None


class Meetings:
    """Adds, deletes and finds meetings.

    Args:
        database: The app's database.
        plugins: The plugins that receive events.
        clock: The app's clock.
        classes: Service of the classes.
        terms: The terms.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        classes: ClassService,
        terms: Terms,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._classes = classes
        self._terms = terms

    async def of(self, class_id: ObjectId) -> list[Meeting]:
        """Return the meetings of a class, by weekday and time.

        Args:
            class_id: ``_id`` of the class.
        """
        return await self._find({"classId": class_id})

    async def of_classes(self, class_ids: Collection[ObjectId]) -> dict[ObjectId, list[Meeting]]:
        """Return the meetings of some classes, by weekday and time.

        Args:
            class_ids: ``_id`` of each class.
        """
        found: dict[ObjectId, list[Meeting]] = {class_id: [] for class_id in class_ids}
        for meeting in await self._find({"classId": {"$in": list(class_ids)}}):
            found[meeting.class_id].append(meeting)
        return found

    async def on(
        self, class_ids: Collection[ObjectId], weekday: int, term_id: ObjectId | None
    ) -> dict[ObjectId, list[Meeting]]:
        """Return the meetings of some classes on a day of the week, by time.

        Args:
            class_ids: ``_id`` of each class.
            weekday: Day of the week, from 1 for Monday to 7 for Sunday.
            term_id: ``_id`` of the term of the day; None for no term.
        """
        found: dict[ObjectId, list[Meeting]] = {class_id: [] for class_id in class_ids}
        query = {"classId": {"$in": list(class_ids)}, **_of_day(weekday, term_id)}
        for meeting in await self._find(query):
            found[meeting.class_id].append(meeting)
        return found

    async def classes_on(
        self,
        weekday: int,
        term_id: ObjectId | None,
        among: Collection[ObjectId] | None = None,
    ) -> set[ObjectId]:
        """Return the ids of the classes that meet on a day of the week.

        Args:
            weekday: Day of the week, from 1 for Monday to 7 for Sunday.
            term_id: ``_id`` of the term of the day; None for no term.
            among: Ids of the classes that are asked about; None for all.
        """
        query = _of_day(weekday, term_id)
        if among is not None:
            query["classId"] = {"$in": list(among)}
        async with self._database.operation():
            return set(await self._stored.distinct("classId", query))

    async def add(
        self,
        class_room: ClassRoom,
        weekday: int,
        starts: str,
        ends: str,
        room: str | None = None,
        term_id: str | None = None,
    ) -> Meeting:
        """Add a meeting to a class.

        Args:
            class_room: The class.
            weekday: Day of the week, from 1 for Monday to 7 for Sunday.
            starts: Local time of the start, such as ``09:45``.
            ends: Local time of the end, later on the same day.
            room: Where the class meets; None for no word.
            term_id: ``_id`` of the term that the meeting belongs to; None for every term.

        Raises:
            TermNotFoundError: There is no such term.
            TooManyError: The class has ``MOST_MEETINGS`` meetings.
            ClassNotFoundError: The class was deleted meanwhile.
        """
        term = None if term_id is None else (await self._terms.get(term_id)).id
        meeting = Meeting(ObjectId(), class_room.id, weekday, starts, ends, room, term)
        if len(await self.of(class_room.id)) >= MOST_MEETINGS:
            raise TooManyError
        event = MeetingsChanged(str(class_room.id))
        entry = MEETING_ADDED.entry(about=_about(meeting), after=_values(meeting))

        async def insert() -> Meeting:
            async with self._database.operation():
                await self._stored.insert_one(self._document(meeting))
            return meeting

        await self._plugins.changes.stored([event], insert, audited=[entry])
        try:
            # Class and term may have been deleted while the meeting was stored.
            await self._classes.get(str(class_room.id))
            if term_id is not None:
                await self._terms.get(term_id)
        except (ClassNotFoundError, TermNotFoundError):
            await self.delete(class_room, str(meeting.id))
            raise
        await self._plugins.on_event(event)
        return meeting

    async def delete(self, class_room: ClassRoom, meeting_id: str) -> Meeting:
        """Delete a meeting of a class.

        Args:
            class_room: The class.
            meeting_id: ``_id`` of the meeting.

        Raises:
            MeetingNotFoundError: The class has no such meeting.
        """
        key = object_id(meeting_id)
        found = await self._find({"_id": key, "classId": class_room.id})
        if key is None or not found:
            raise MeetingNotFoundError
        meeting = found[0]
        event = MeetingsChanged(str(class_room.id))

        async def delete() -> bool | None:
            async with self._database.operation():
                return (await self._stored.delete_one({"_id": key})).deleted_count > 0 or None

        entry = MEETING_DELETED.entry(about=_about(meeting), before=_values(meeting))
        if await self._plugins.changes.stored([event], delete, audited=[entry]) is None:
            raise MeetingNotFoundError
        await self._plugins.on_event(event)
        return meeting

    async def clear(self, class_id: ObjectId) -> None:
        """Delete the meetings of a class that is to be deleted.

        Args:
            class_id: ``_id`` of the class.
        """
        async with self._database.operation():
            await self._stored.delete_many({"classId": class_id})

    async def _find(self, query: Document) -> list[Meeting]:
        async with self._database.operation():
            order = [("weekday", 1), ("from", 1), ("_id", 1)]
            return [_meeting(one) for one in await self._stored.find(query).sort(order).to_list()]

    def _document(self, meeting: Meeting) -> Document:
        return {
            "_id": meeting.id,
            "classId": meeting.class_id,
            **_values(meeting),
            "room": meeting.room,
            # Without the field where there is no term: the sparse index leaves such meetings out.
            **({} if meeting.term_id is None else {"termId": meeting.term_id}),
            "createdAt": self._clock.now(),
        }

    @property
    def _stored(self) -> AsyncCollection[Document]:
        return self._database.documents[MEETINGS]


def _of_day(weekday: int, term_id: ObjectId | None) -> Document:
    terms = [None] if term_id is None else [None, term_id]
    return {"weekday": weekday, "termId": {"$in": terms}}


def _about(meeting: Meeting) -> dict[str, str | ObjectId | None]:
    return {"class": meeting.class_id, "meeting": meeting.id}


def _values(meeting: Meeting) -> dict[str, str | int]:
    return {"weekday": meeting.weekday, "from": meeting.starts, "to": meeting.ends}


def _meeting(document: Document) -> Meeting:
    return Meeting(
        document["_id"],
        document["classId"],
        document["weekday"],
        document["from"],
        document["to"],
        document.get("room"),
        document.get("termId"),
        document.get("createdAt"),
    )
