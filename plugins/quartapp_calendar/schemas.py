from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed

# Years in which the moments of all days exist in UTC, whatever the zone.
DAY_PATTERN = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_DAY = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
EARLIEST, LATEST = date(1000, 1, 1), date(2999, 12, 31)
MOST_DAYS = 366
UNSAID = timedelta(weeks=4)
# A body takes as much.
LONGEST_FILE = 64 * 1024


def _day(value: object) -> date:
    # pydantic also takes times at midnight, and numbers of seconds.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day looks like 2026-12-31, in the years 1000 to 2999")
    return date.fromisoformat(value)


Day = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"pattern": DAY_PATTERN})]
DayText = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
Name = Annotated[str, trimmed(1, 100)]
Source = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class SpanBody(Body):
    """A term or a holiday, with its first and its last day."""

    name: Name
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("to is before from")
        return self


class ImportBody(Body):
    """An iCalendar file, and the name of its source."""

    source: Source
    calendar: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_FILE)]


class MeetingBody(Body):
    """A weekly meeting, which ends on the day on which it begins."""

    weekday: int = Field(ge=1, le=7)
    starts: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to")
    room: Name = left_out()
    term_id: ObjectIdInput = left_out(alias="termId")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("to is not after from")
        return self


class _DaysQuery(Body):
    first: Day = left_out(alias="from")
    last: Day = left_out(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("to is before from")
        return self


class PageQuery(Body):
    """The part of a list to answer."""

    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class HolidaysQuery(PageQuery, _DaysQuery):
    """The holidays to list."""


class ImportsQuery(Body):
    """The imports to list."""

    limit: int = left_out(ge=1, le=500)
    after: Source = left_out()


class PlannedQuery(_DaysQuery):
    """The days whose meetings are asked for: four weeks, unless both ends are given."""

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day.

        Args:
            today: The local day.
        """
        if self.first is None and self.last is not None:
            return max(EARLIEST, self.last - UNSAID), self.last
        first = self.first or today
        return first, self.last or min(LATEST, first + UNSAID)

    @model_validator(mode="after")
    def _few(self) -> Self:
        both = self.first is not None and self.last is not None
        if both and self.last - self.first >= timedelta(days=MOST_DAYS):
            raise ValueError(f"there are more than {MOST_DAYS} days from from to to")
        return self


class NotTakenQuery(PageQuery):
    """The day whose sessions are looked for."""

    date: Day = left_out()


class TermAnswer(Closed):
    """A term."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    first: DayText = Field(alias="from")
    last: DayText = Field(alias="to")


class HolidayAnswer(Closed):
    """A holiday."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    first: DayText = Field(alias="from")
    last: DayText = Field(alias="to")
    source: str | None


class ImportAnswer(Closed):
    """The last import from a source."""

    source: str
    holidays: int
    imported_at: Timestamp = Field(alias="importedAt")


class MeetingAnswer(Closed):
    """A weekly meeting of a class."""

    id: ObjectIdString = Field(alias="_id")
    class_id: ObjectIdString = Field(alias="classId")
    weekday: int
    starts: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to")
    room: str | None
    term_id: ObjectIdString | None = Field(alias="termId")


class PlannedAnswer(Closed):
    """A meeting on one day."""

    date: DayText
    starts: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to")
    starts_at: Timestamp = Field(alias="startsAt")
    ends_at: Timestamp = Field(alias="endsAt")
    room: str | None
    meeting_id: ObjectIdString = Field(alias="meetingId")
    term_id: ObjectIdString | None = Field(alias="termId")


class NotTakenAnswer(Closed):
    """A class without a session on a day on which it meets."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    meetings: list[PlannedAnswer]
