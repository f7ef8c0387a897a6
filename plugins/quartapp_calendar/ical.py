"""The days of the events in an iCalendar file. This module runs as a process of its own.

A file can ask for more work than there is time for, such as an event on every 30th of February. The
process has a limit on its time and its memory, and a server that started it goes on. Nothing of
quartapp is imported here, so that the process starts fast.
"""

from __future__ import annotations

import contextlib
import json
import sys
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from icalendar import Component

NO_CALENDAR = "calendar is no iCalendar file"
UNREADABLE_EVENT = "calendar has an event that cannot be read"
UNKNOWN_ZONE = "calendar has an unknown time zone"
TOO_MANY_EVENTS = "calendar has too many events"
TOO_MANY_REPETITIONS = "calendar repeats events too often"
REASONS = (NO_CALENDAR, UNREADABLE_EVENT, UNKNOWN_ZONE, TOO_MANY_EVENTS, TOO_MANY_REPETITIONS)

# Holidays of one source fit into one document of MongoDB, which has 16 MB.
MOST_HOLIDAYS = 5000
LONGEST_NAME = 100
WITHOUT_NAME = "?"
# Years before and after the present year whose holidays are read.
YEARS = 10
CPU_SECONDS = 20
MEMORY_BYTES = 2 * 1024**3

# RFC 5545, section 3.3.10: what repeats an event several times a day.
_WITHIN_A_DAY = ("HOURLY", "MINUTELY", "SECONDLY")
_NEEDED = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")


class Span(NamedTuple):
    """A holiday in a file.

    Attributes:
        first: First day, as a local date in ISO 8601.
        last: Last day, as a local date in ISO 8601.
        name: Name of the holiday; ``WITHOUT_NAME`` for an event without one.
    """

    first: str
    last: str
    name: str


class UnreadableError(Exception):
    """A file that cannot be used.

    Args:
        reason: One of ``REASONS``.
        about: What is wrong, for the person who has the file; empty for nothing more.
    """

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.about = about


def spans_of(text: str, zone: ZoneInfo | None, today: date) -> list[Span]:
    """Return the days of all events in an iCalendar file, within ``YEARS`` of today.

    Args:
        text: The file.
        zone: Time zone of the institution; None for the machine's.
        today: The local day.

    Returns:
        Days and names, sorted, each once. An event with times counts for all its local days.

    Raises:
        UnreadableError: The file cannot be used.
    """
    import recurring_ical_events

    first, last = date(today.year - YEARS, 1, 1), date(today.year + YEARS, 12, 31)
    found: set[Span] = set()
    for calendar in _calendars(text):
        for event in calendar.walk("VEVENT"):
            _check(event)
        try:
            occurrences = recurring_ical_events.of(calendar).between(first, last)
        # The library says in many ways that a rule makes no sense.
        except Exception as error:
            raise UnreadableError(UNREADABLE_EVENT, f"a repetition: {error}") from error
        found.update(_spans(occurrences, zone))
    if len(found) > MOST_HOLIDAYS:
        raise UnreadableError(TOO_MANY_EVENTS, f"more than {MOST_HOLIDAYS} holidays")
    return sorted(found)


def _calendars(text: str) -> Sequence[Component]:
    from icalendar import Calendar

    try:
        found = list(Calendar.from_ical(text, multiple=True))
    # The library raises errors of many kinds for lines that are no lines of a calendar.
    except Exception as error:
        raise UnreadableError(NO_CALENDAR, f"{error}"[:200]) from error
    if not found or any(one.name != "VCALENDAR" for one in found):
        raise UnreadableError(NO_CALENDAR)
    return found


def _check(event: Component) -> None:
    """Refuse an event that would be misunderstood.

    The library takes an unknown zone for none, and exchanges a start and an end in the wrong order.
    """
    name = _name(event)
    for broken, why in event.errors:
        if broken in _NEEDED:
            raise UnreadableError(UNREADABLE_EVENT, f"{broken} of {name}: {why}"[:200])
    start, end = (_moment(event, which, name) for which in ("DTSTART", "DTEND"))
    if start is None:
        raise UnreadableError(UNREADABLE_EVENT, f"{name} has no start")
    if end is not None:
        if isinstance(start, datetime) != isinstance(end, datetime):
            raise UnreadableError(UNREADABLE_EVENT, f"{name} has a time at one end alone")
        if _comparable(end) < _comparable(start):
            raise UnreadableError(UNREADABLE_EVENT, f"{name} ends before it begins")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        frequency = [str(one).upper() for one in rule.get("FREQ", [])]
        if any(one in _WITHIN_A_DAY for one in frequency) or any(one in rule for one in _TIMES):
            raise UnreadableError(TOO_MANY_REPETITIONS, f"{name} is repeated within a day")


def _moment(event: Component, which: str, name: str) -> date | None:
    value = event.get(which)
    if value is None:
        return None
    try:
        moment = value.dt
    # A list of several values, or a value that is no date.
    except (AttributeError, ValueError) as error:
        raise UnreadableError(UNREADABLE_EVENT, f"{name} has no readable {which}") from error
    if not isinstance(moment, date):
        raise UnreadableError(UNREADABLE_EVENT, f"{name} has no readable {which}")
    zone = value.params.get("TZID")
    if zone and isinstance(moment, datetime) and moment.tzinfo is None:
        raise UnreadableError(UNKNOWN_ZONE, f"{zone} of {name}")
    return moment


def _comparable(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - days have no zone
    # Where only one end has a zone, the other is taken for local there as well.
    return moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta())


def _spans(occurrences: Iterable[Component], zone: ZoneInfo | None) -> Iterator[Span]:
    for event in occurrences:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        start, end = _given(event["DTSTART"]), _given(event["DTEND"])
        last = end
        if end > start:
            # The end is the first moment, or the first day, that does not belong to the event.
            last = end - (timedelta.resolution if isinstance(end, datetime) else timedelta(days=1))
        yield Span(_day(start, zone), _day(last, zone), _name(event))


def _given(value: Any) -> date:  # noqa: ANN401 - the library's union of all kinds of values
    moment: date = value.dt
    return moment


def _day(moment: date, zone: ZoneInfo | None) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    # A time without a zone is local wherever it is read.
    local = moment if moment.tzinfo is None else moment.astimezone(zone)
    return local.date().isoformat()


def _name(event: Component) -> str:
    given = event.get("SUMMARY", "")
    text = str(given[0] if isinstance(given, list) else given)
    printable = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(printable.split())[:LONGEST_NAME].strip() or WITHOUT_NAME


def _limit() -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits.
        return
    # Some systems have no limit of this kind, or a lower one.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _answer(asked: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    zone = ZoneInfo(asked["zone"]) if asked["zone"] else None
    try:
        return {"spans": spans_of(asked["text"], zone, date.fromisoformat(asked["today"]))}
    except UnreadableError as error:
        return {"reason": error.reason, "about": error.about}
    except MemoryError:
        return {"reason": TOO_MANY_REPETITIONS, "about": "it takes too much memory"}


if __name__ == "__main__":
    _limit()
    sys.stdout.write(json.dumps(_answer(json.loads(sys.stdin.buffer.read()))))
