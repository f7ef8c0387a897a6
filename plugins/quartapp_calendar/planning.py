"""The days on which classes meet, worked out of terms, holidays and meetings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from quartapp_calendar.terms import term_on

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from bson import ObjectId

    from quartapp_attendance import TakenSessions
    from quartapp_calendar.holidays import Holiday, Holidays
    from quartapp_calendar.meetings import Meeting, Meetings
    from quartapp_calendar.terms import Term, Terms
    from quartapp_classes import ClassService

LISTED = 100


@dataclass(frozen=True, slots=True)
class PlannedMeeting:
    """A meeting on one day.

    Attributes:
        day: The local day.
        meeting: The weekly meeting.
        term: The term of the day; None where the institution has no terms.
        starts_at: Moment of the start, in UTC.
        ends_at: Moment of the end, in UTC.
    """

    day: date
    meeting: Meeting
    term: Term | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A class without a session on a day on which it meets.

    Attributes:
        class_id: ``_id`` of the class.
        class_name: Name of the class.
        meetings: The meetings of the day, by time.
    """

    class_id: ObjectId
    class_name: str
    meetings: list[PlannedMeeting]


class Planning:
    """Tells when classes meet, and which of them have had no session.

    Args:
        terms: The terms.
        holidays: The holidays.
        meetings: The meetings.
        classes: Service of the classes.
        taken: The sessions of a day.
        zone: Time zone of the institution; None for the machine's.
    """

    def __init__(
        self,
        terms: Terms,
        holidays: Holidays,
        meetings: Meetings,
        classes: ClassService,
        taken: TakenSessions,
        zone: ZoneInfo | None,
    ) -> None:
        self._terms = terms
        self._holidays = holidays
        self._meetings = meetings
        self._classes = classes
        self._taken = taken
        self._zone = zone

    async def planned(self, class_id: ObjectId, first: date, last: date) -> list[PlannedMeeting]:
        """Return the meetings of a class from one day to another, in the order of time.

        Args:
            class_id: ``_id`` of the class.
            first: First day.
            last: Last day.
        """
        meetings = await self._meetings.of(class_id)
        terms = await self._terms.all()
        holidays = await self._holidays.between(first, last)
        return [
            planned
            for day in _days(first, last)
            for planned in meetings_on(day, meetings, terms, holidays, self._zone)
        ]

    async def not_taken(
        self,
        day: date,
        among: Collection[ObjectId] | None = None,
        limit: int | None = None,
        after: ObjectId | None = None,
    ) -> list[NotTaken]:
        """Return classes that meet on a day and have no session of that day, sorted by ``_id``.

        A roll call that was cancelled is a session too.

        Args:
            day: The local day.
            among: Ids of the classes that are asked about; None for all.
            limit: Largest number of classes; None for ``LISTED``.
            after: ``_id`` of the class behind which the list starts; None for the beginning.
        """
        terms = await self._terms.all()
        holidays = await self._holidays.between(day, day)
        if not is_open(day, terms, holidays):
            return []
        term = term_on(terms, day)
        term_id = None if term is None else term.id
        weekday = day.isoweekday()
        due = await self._meetings.classes_on(weekday, term_id, among)
        missing = sorted(due - await self._taken.classes_on(day))
        page = [key for key in missing if after is None or key > after][: limit or LISTED]
        names = await self._classes.class_names(page)
        # A class that is deleted at this moment has no name any more.
        meetings = await self._meetings.on(names, weekday, term_id)
        return [
            NotTaken(key, name, _planned(day, meetings[key], term, self._zone))
            for key, name in sorted(names.items())
        ]

    async def missed(
        self, class_names: Mapping[ObjectId, str], first: date, now: datetime
    ) -> list[NotTaken]:
        """Return the days on which classes have met without a session, the latest first.

        A meeting counts once it is over, and not on days before it was added. Where a class has met
        on a day, one session of the day is enough.

        Args:
            class_names: Name of each class that is asked about, by ``_id``.
            first: First local day.
            now: The present moment, behind which no day counts.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        last = self._local_day(now)
        terms = await self._terms.all()
        holidays = await self._holidays.between(first, last)
        meetings = await self._meetings.of_classes(class_names)
        taken = await self._taken.days_of(class_names, first, last)
        found = []
        for day in reversed([*_days(first, last)]):
            for key, name in sorted(class_names.items(), key=lambda one: one[1].casefold()):
                if (key, day) in taken:
                    continue
                planned = meetings_on(day, meetings[key], terms, holidays, self._zone)
                over = [one for one in planned if one.ends_at <= now and self._knew(one)]
                if over:
                    found.append(NotTaken(key, name, over))
        return found

    def _knew(self, planned: PlannedMeeting) -> bool:
        """Tell whether a meeting had been added by its day."""
        added = planned.meeting.created_at
        return added is None or self._local_day(added) <= planned.day

    def _local_day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


def is_open(day: date, terms: Sequence[Term], holidays: Sequence[Holiday]) -> bool:
    """Tell whether classes meet on a day: in a term, if there are terms, and on no holiday.

    Args:
        day: The local day.
        terms: All terms.
        holidays: The holidays that may have the day.
    """
    if terms and term_on(terms, day) is None:
        return False
    text = day.isoformat()
    return not any(holiday.first <= text <= holiday.last for holiday in holidays)


def meetings_on(
    day: date,
    meetings: Sequence[Meeting],
    terms: Sequence[Term],
    holidays: Sequence[Holiday],
    zone: ZoneInfo | None,
) -> list[PlannedMeeting]:
    """Return the meetings of one class on a day, in the order in which they are given.

    Args:
        day: The local day.
        meetings: The weekly meetings of the class, by time.
        terms: All terms.
        holidays: The holidays that may have the day.
        zone: Time zone of the institution; None for the machine's.
    """
    if not is_open(day, terms, holidays):
        return []
    return _planned(day, meetings, term_on(terms, day), zone)


def _planned(
    day: date, meetings: Sequence[Meeting], term: Term | None, zone: ZoneInfo | None
) -> list[PlannedMeeting]:
    """Return the meetings of one class on a day on which classes meet."""
    own = (None, None if term is None else term.id)
    return [
        PlannedMeeting(day, one, term, moment(day, one.starts, zone), moment(day, one.ends, zone))
        for one in meetings
        if one.weekday == day.isoweekday() and one.term_id in own
    ]


def moment(day: date, local: str, zone: ZoneInfo | None) -> datetime:
    """Return the moment of a local time, in UTC.

    A time that the clocks pass over counts by the offset before the change, and of a time that
    they show twice, the first counts (PEP 495).

    Args:
        day: The local day.
        local: The local time, such as ``09:45``.
        zone: Time zone of the institution; None for the machine's.
    """
    at = datetime.combine(day, time.fromisoformat(local))
    return (at if zone is None else at.replace(tzinfo=zone)).astimezone(UTC)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
