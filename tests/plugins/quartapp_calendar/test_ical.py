"""iCalendar files: which days their events have, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from quartapp_calendar import ical

TODAY = date(2026, 11, 27)
ZONE = ZoneInfo("Europe/Berlin")
VTIMEZONE = """BEGIN:VTIMEZONE
TZID:Our Zone
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:-0500
TZOFFSETTO:-0500
END:STANDARD
END:VTIMEZONE
"""


def file_of(*events, before=""):
    """An iCalendar file with events, each given by its lines."""
    made = "".join(
        f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events)
    )
    whole = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//school//EN\n{before}{made}END:VCALENDAR\n"
    return whole.replace("\n", "\r\n")


def days(text, zone=ZONE):
    return [(span.first, span.last) for span in ical.spans_of(text, zone, TODAY)]


ALL_DAY = "DTSTART;VALUE=DATE:20261224"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ALL_DAY, [("2026-12-24", "2026-12-24")]),
        (f"{ALL_DAY}\nDTEND;VALUE=DATE:20261225", [("2026-12-24", "2026-12-24")]),
        # Some programs give the last day for the day after the last.
        (f"{ALL_DAY}\nDTEND;VALUE=DATE:20261224", [("2026-12-24", "2026-12-24")]),
        (f"{ALL_DAY}\nDTEND;VALUE=DATE:20270107", [("2026-12-24", "2027-01-06")]),
        (f"{ALL_DAY}\nDURATION:P3D", [("2026-12-24", "2026-12-26")]),
        ("DTSTART:20261224T080000\nDTEND:20261224T160000", [("2026-12-24", "2026-12-24")]),
        # Half an hour after midnight in Berlin.
        ("DTSTART:20261224T233000Z\nDTEND:20261225T010000Z", [("2026-12-25", "2026-12-25")]),
        # The end at midnight does not belong to the event.
        ("DTSTART:20261224T080000\nDTEND:20261225T000000", [("2026-12-24", "2026-12-24")]),
        (
            "DTSTART;TZID=America/New_York:20261224T170000\n"
            "DTEND;TZID=America/New_York:20261224T200000",
            [("2026-12-24", "2026-12-25")],
        ),
        ("DTSTART;TZID=W. Europe Standard Time:20261224T233000", [("2026-12-24", "2026-12-24")]),
        # A leap day, each year: there is none in the others.
        (
            "DTSTART;VALUE=DATE:20200229\nRRULE:FREQ=YEARLY;COUNT=3",
            [(f"{year}-02-29",) * 2 for year in (2020, 2024, 2028)],
        ),
        # Twice in the year, and once with a day taken out, and once with a day moved.
        (
            "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20261231",
            [("2026-12-24",) * 2, ("2027-01-07",) * 2],
        ),
        (f"{ALL_DAY}\nRDATE;VALUE=DATE:20270101", [("2026-12-24",) * 2, ("2027-01-01",) * 2]),
        # At noon in Berlin on both sides of the night in which the clocks go forward.
        (
            "DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2",
            [("2026-03-28",) * 2, ("2026-03-29",) * 2],
        ),
        (f"{ALL_DAY}\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20150101", []),
        ("DTSTART;VALUE=DATE:00010101", []),
        # Ten years before this one and ten after.
        (
            "DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=YEARLY",
            [(f"{year}-01-01",) * 2 for year in range(2016, 2037)],
        ),
    ],
)
def test_days_of_an_event(event, expected):
    assert days(file_of(event)) == expected


def test_a_zone_that_the_file_describes_is_known():
    event = "DTSTART;TZID=Our Zone:20261224T190000\nDURATION:PT1H"
    assert days(file_of(event, before=VTIMEZONE)) == [("2026-12-25", "2026-12-25")]


def test_a_moved_repetition_has_its_new_day_alone():
    series = "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=WEEKLY;COUNT=2"
    moved = "RECURRENCE-ID;VALUE=DATE:20261231\nDTSTART;VALUE=DATE:20270102"
    text = file_of(series, moved).replace("UID:1", "UID:0")
    assert days(text) == [("2026-12-24",) * 2, ("2027-01-02",) * 2]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("SUMMARY:Christmas", "Christmas"),
        ("SUMMARY:  New\\nYear\\, at last  ", "New Year, at last"),
        ("SUMMARY:a\0b\x07c", "a b c"),
        (f"SUMMARY:{'x' * 300}", "x" * 100),
        ("SUMMARY:", "?"),
        ("DESCRIPTION:nothing", "?"),
        ("SUMMARY:first\nSUMMARY:second", "first"),
        ("SUMMARY;LANGUAGE=de:Weihnachten", "Weihnachten"),
    ],
)
def test_name_of_an_event(given, name):
    (span,) = ical.spans_of(file_of(f"{ALL_DAY}\n{given}"), ZONE, TODAY)
    assert span.name == name


def test_an_event_that_comes_twice_counts_once():
    assert len(days(file_of(*[f"{ALL_DAY}\nSUMMARY:Christmas"] * 3))) == 1


def test_two_calendars_in_one_file_are_both_read():
    other = file_of("DTSTART;VALUE=DATE:20261226")
    assert days(file_of(ALL_DAY) + other) == [("2026-12-24",) * 2, ("2026-12-26",) * 2]


@pytest.mark.parametrize(
    ("text", "reason", "about"),
    [
        ("<html>", ical.NO_CALENDAR, "html"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\n", ical.NO_CALENDAR, ""),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", ical.NO_CALENDAR, ""),
        (file_of("SUMMARY:Break"), ical.UNREADABLE_EVENT, "Break has no start"),
        (file_of("DTSTART:2026-12-24\nSUMMARY:Break"), ical.UNREADABLE_EVENT, "DTSTART of Break"),
        (file_of("DTSTART:PT1H"), ical.UNREADABLE_EVENT, "DTSTART"),
        (file_of(f"{ALL_DAY}\n{ALL_DAY}"), ical.UNREADABLE_EVENT, "no readable DTSTART"),
        (
            file_of(f"{ALL_DAY}\nDTEND;VALUE=DATE:20261220"),
            ical.UNREADABLE_EVENT,
            "ends before it begins",
        ),
        (
            file_of(f"{ALL_DAY}\nDTEND:20261225T010000Z"),
            ical.UNREADABLE_EVENT,
            "a time at one end alone",
        ),
        (file_of(f"{ALL_DAY}\nRRULE:FREQ=SOMETIMES"), ical.UNREADABLE_EVENT, "RRULE"),
        (
            file_of("DTSTART;VALUE=DATE:99991231\nRRULE:FREQ=DAILY"),
            ical.UNREADABLE_EVENT,
            "a repetition",
        ),
        (
            file_of("DTSTART;TZID=Mars/Olympus:20261224T080000\nSUMMARY:Break"),
            ical.UNKNOWN_ZONE,
            "Mars/Olympus of Break",
        ),
        (
            file_of(f"{ALL_DAY}\nDTEND;TZID=Mars/Olympus:20261224T080000"),
            ical.UNKNOWN_ZONE,
            "Mars/Olympus",
        ),
        *(
            (file_of(f"{ALL_DAY}\nRRULE:FREQ={rule}"), ical.TOO_MANY_REPETITIONS, "within a day")
            for rule in ("SECONDLY", "MINUTELY", "HOURLY", "DAILY;BYHOUR=1,2")
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(text, reason, about):
    with pytest.raises(ical.UnreadableError) as refused:
        ical.spans_of(text, ZONE, TODAY)
    assert refused.value.reason == reason
    assert about in refused.value.about


def test_more_holidays_than_a_source_may_have_are_refused():
    two = (f"DTSTART;VALUE=DATE:20160101\nRRULE:FREQ=DAILY\nSUMMARY:{name}" for name in "ab")
    with pytest.raises(ical.UnreadableError, match="too many events"):
        ical.spans_of(file_of(*two), ZONE, TODAY)


def apart(text, **more):
    """What the process answers to a file."""
    asked = {"text": text, "zone": "Europe/Berlin", "today": TODAY.isoformat(), **more}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-P", ical.__file__],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or b"null"), done.stderr


def test_the_process_answers_spans_and_reasons():
    assert apart(file_of(f"{ALL_DAY}\nSUMMARY:Christmas")) == (
        0,
        {"spans": [["2026-12-24", "2026-12-24", "Christmas"]]},
        b"",
    )
    assert apart("<html>")[1]["reason"] == ical.NO_CALENDAR


def test_the_zone_of_the_machine_counts_where_none_is_set(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Karachi")
    status, answer, _ = apart(file_of("DTSTART:20261224T193000Z\nDURATION:PT1H"), zone=None)
    assert (status, answer) == (0, {"spans": [["2026-12-25", "2026-12-25", "?"]]})
