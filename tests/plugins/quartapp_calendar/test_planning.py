"""When classes meet: tables worked by hand, and a plain recount."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartapp_calendar import Holiday, Meeting, Term
from quartapp_calendar.planning import is_open, meetings_on, moment

# On a busy machine, an example may take any time.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN = ZoneInfo("Europe/Berlin")
CLASS = ObjectId()


def term(first, last):
    return Term(ObjectId(), "term", first, last)


def holiday(first, last=None):
    return Holiday(ObjectId(), "holiday", first, last or first, None)


def meeting(weekday, starts="09:45", ends="11:15", term_id=None):
    return Meeting(ObjectId(), CLASS, weekday, starts, ends, None, term_id)


AUTUMN, SPRING = term("2026-09-01", "2026-12-18"), term("2027-02-01", "2027-06-30")
BREAK = holiday("2026-10-05", "2026-10-09")


@pytest.mark.parametrize(
    ("day", "terms", "holidays", "expected"),
    [
        ("2026-10-12", [AUTUMN, SPRING], [BREAK], True),
        # The first and the last day belong to a term and to a holiday.
        ("2026-09-01", [AUTUMN, SPRING], [], True),
        ("2026-12-18", [AUTUMN, SPRING], [], True),
        ("2026-08-31", [AUTUMN, SPRING], [], False),
        ("2026-12-19", [AUTUMN, SPRING], [], False),
        ("2027-01-15", [AUTUMN, SPRING], [], False),
        ("2026-10-05", [AUTUMN], [BREAK], False),
        ("2026-10-09", [AUTUMN], [BREAK], False),
        ("2026-10-04", [AUTUMN], [BREAK], True),
        ("2026-10-10", [AUTUMN], [BREAK], True),
        # Without terms, every day is one, but for holidays.
        ("2027-01-15", [], [], True),
        ("2026-10-07", [], [BREAK], False),
        # A leap day is a day, and the day after the 28th of February.
        ("2028-02-29", [term("2028-02-29", "2028-02-29")], [], True),
        ("2028-02-29", [], [holiday("2028-02-28", "2028-03-01")], False),
        ("2028-02-29", [term("2028-02-01", "2028-02-28")], [], False),
    ],
)
def test_days_on_which_classes_meet(day, terms, holidays, expected):
    assert is_open(date.fromisoformat(day), terms, holidays) is expected


@pytest.mark.parametrize(
    ("day", "local", "zone", "expected"),
    [
        ("2026-01-12", "09:45", "Europe/Berlin", "2026-01-12T08:45"),
        ("2026-07-13", "09:45", "Europe/Berlin", "2026-07-13T07:45"),
        # The clocks go forward from 02:00 to 03:00: 02:30 is 03:30.
        ("2026-03-29", "01:59", "Europe/Berlin", "2026-03-29T00:59"),
        ("2026-03-29", "02:30", "Europe/Berlin", "2026-03-29T01:30"),
        ("2026-03-29", "03:00", "Europe/Berlin", "2026-03-29T01:00"),
        # The clocks go back from 03:00 to 02:00: the first 02:30 counts.
        ("2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25", "03:00", "Europe/Berlin", "2026-10-25T02:00"),
        # Another date in UTC.
        ("2026-03-09", "08:00", "Pacific/Auckland", "2026-03-08T19:00"),
        ("2026-03-09", "20:00", "America/Los_Angeles", "2026-03-10T03:00"),
        # Half an hour of daylight saving, and zones of another half hour.
        ("2026-01-12", "09:00", "Australia/Lord_Howe", "2026-01-11T22:00"),
        ("2026-07-13", "09:00", "Asia/Kathmandu", "2026-07-13T03:15"),
        # No midnight on this day, whose clocks go forward at midnight.
        ("2026-04-24", "00:30", "Africa/Cairo", "2026-04-23T22:30"),
        # The ends of the years that a calendar has; before there were zones, the sun decides.
        ("1000-01-01", "00:00", "Europe/Berlin", "0999-12-31T23:06:32"),
        ("2999-12-31", "23:59", "America/Los_Angeles", "3000-01-01T07:59"),
    ],
)
def test_moments_of_local_times(day, local, zone, expected):
    found = moment(date.fromisoformat(day), local, ZoneInfo(zone))
    assert found == datetime.fromisoformat(f"{expected}+00:00")


def test_a_meeting_belongs_to_its_term_or_to_all():
    of_autumn, of_all = meeting(1, term_id=AUTUMN.id), meeting(1, "12:00", "13:00")
    planned = {
        day: [
            one.meeting
            for one in meetings_on(
                date.fromisoformat(day), [of_autumn, of_all], [AUTUMN, SPRING], [BREAK], BERLIN
            )
        ]
        for day in ("2026-09-07", "2026-10-05", "2027-01-11", "2027-02-01", "2027-02-02")
    }
    assert planned == {
        "2026-09-07": [of_autumn, of_all],
        "2026-10-05": [],
        "2027-01-11": [],
        "2027-02-01": [of_all],
        "2027-02-02": [],
    }


def test_a_meeting_of_a_term_that_is_gone_is_never_planned():
    assert meetings_on(date(2026, 9, 7), [meeting(1, term_id=ObjectId())], [], [], BERLIN) == []


BEGIN = date(2024, 2, 20)
DAYS = st.integers(0, 60).map(lambda number: BEGIN + timedelta(days=number))
SPANS = st.tuples(DAYS, DAYS).map(sorted)


@st.composite
def calendars(draw):
    """Terms that do not overlap, holidays that may, and meetings of either."""
    cuts = sorted(set(draw(st.lists(DAYS, max_size=6))))
    terms = [
        term(first.isoformat(), last.isoformat())
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    holidays = [
        holiday(first.isoformat(), last.isoformat())
        for first, last in draw(st.lists(SPANS, max_size=3))
    ]
    ids = st.sampled_from([None, *(one.id for one in terms)])
    meetings = draw(st.lists(st.builds(meeting, st.integers(1, 7), term_id=ids), max_size=5))
    return terms, holidays, meetings


def all_days(one):
    """The days of a term or a holiday, one by one."""
    day, last = date.fromisoformat(one.first), date.fromisoformat(one.last)
    while day <= last:
        yield day
        day += timedelta(days=1)


@UNTIMED
@given(calendars())
def test_planned_meetings_are_those_of_a_plain_recount(calendar):
    terms, holidays, meetings = calendar
    term_of = {day: one.id for one in terms for day in all_days(one)}
    free = {day for one in holidays for day in all_days(one)}
    for number in range(61):
        day = BEGIN + timedelta(days=number)
        expected = []
        for one in meetings:
            if day.strftime("%u") != str(one.weekday) or day in free:
                continue
            if terms and day not in term_of:
                continue
            if one.term_id is None or one.term_id == term_of.get(day):
                expected.append(one)
        found = meetings_on(day, meetings, terms, holidays, BERLIN)
        assert [planned.meeting for planned in found] == expected
        assert [planned.starts_at for planned in found] == [
            datetime(day.year, day.month, day.day, 9, 45, tzinfo=BERLIN).astimezone(UTC)
            for _ in expected
        ]
