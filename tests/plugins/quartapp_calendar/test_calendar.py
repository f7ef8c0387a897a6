"""Terms, holidays and meetings under concurrency, deletion and many of them."""

from __future__ import annotations

import asyncio
import sys

import pytest
from bson import ObjectId

from quartapp import core, hookimpl
from quartapp_calendar import (
    Holidays,
    HolidaysChanged,
    MeetingsChanged,
    Span,
    TermsChanged,
)
from quartapp_calendar.ical import MOST_HOLIDAYS
from quartapp_calendar.meetings import MOST_MEETINGS
from quartapp_calendar.terms import MOST_TERMS
from quartapp_classes.testing import class_room
from tests.plugins.quartapp_calendar.conftest import HOLIDAYS

HERE = "2026-12-24", "2027-01-06"
MOVED = HOLIDAYS.replace("20261224", "20261228")


async def test_of_twenty_terms_on_one_day_exactly_one_is_made(server, office):
    desk = await office(server)
    body = {"name": "Term", "from": "2026-09-01", "to": "2026-12-18"}
    answers = await asyncio.gather(*(desk.ask("POST", "/calendar/terms", body) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 19
    assert len(await desk.done("GET", "/calendar/terms")) == 1


async def test_two_first_terms_at_the_same_moment_are_both_made(server, office):
    desk = await office(server)
    await asyncio.gather(
        desk.term("2026-09-01", "2026-12-18"), desk.term("2027-02-01", "2027-06-30")
    )
    assert len(await desk.done("GET", "/calendar/terms")) == 2


async def test_a_term_can_be_moved_within_its_own_days_and_not_into_another(server, office):
    desk = await office(server)
    autumn, _ = [
        await desk.term("2026-09-01", "2026-12-18"),
        await desk.term("2027-02-01", "2027-06-30"),
    ]
    path = f"/calendar/terms/{autumn['_id']}"
    body = {"name": "Autumn", "from": "2026-09-08", "to": "2027-01-31"}
    assert await desk.done("PUT", path, body) == {"_id": autumn["_id"], **body}
    refused = await desk.ask("PUT", path, {**body, "to": "2027-02-01"})
    assert refused == (409, "term overlaps another term")
    assert await desk.done("DELETE", path) == {"_id": autumn["_id"], **body}


async def test_lists_are_walked_page_by_page_and_each_is_found_once(server, office):
    desk = await office(server)
    terms = [await desk.term(f"202{n}-01-01", f"202{n}-06-30") for n in range(6)]
    holidays = [await desk.holiday(f"202{n}-01-01", f"202{n}-01-06") for n in range(6)]
    for kind, made in (("terms", terms), ("holidays", holidays)):
        found, after = [], ""
        while page := await desk.done("GET", f"/calendar/{kind}?limit=4{after}"):
            found += page
            after = f"&after={page[-1]['_id']}"
        assert found == sorted(made, key=lambda one: one["_id"])


async def test_an_import_again_replaces_what_came_from_the_same_source_alone(server, office):
    desk = await office(server)
    await desk.holiday("2026-10-05", "2026-10-09")
    assert (await desk.imported("state"))[0] == 200
    assert (await desk.imported("city"))[0] == 200
    moved = (await desk.imported("state", MOVED))[1]
    assert moved["holidays"] == 1
    assert sorted(await desk.days(), key=str) == [
        ("2026-10-05", "2026-10-09", None),
        (*HERE, "city"),
        ("2026-12-28", "2027-01-06", "state"),
    ]
    assert (await desk.done("DELETE", "/calendar/imports/city"))["holidays"] == 1
    assert [one["source"] for one in await desk.done("GET", "/calendar/imports")] == ["state"]


async def test_a_file_that_cannot_be_used_leaves_the_import_before_it(server, office):
    desk = await office(server)
    await desk.imported("state")
    for text in ("BEGIN:VCALENDAR\r\n", MOVED.replace("20261228", "20280101"), "\0", "x" * 9999):
        assert (await desk.imported("state", text))[0] == 400
    assert await desk.days() == [(*HERE, "state")]


async def test_a_server_without_the_libraries_says_so(server, office, monkeypatch):
    monkeypatch.setitem(sys.modules, "icalendar", None)
    refused = await (await office(server)).imported("state")
    assert refused == (501, "iCalendar files cannot be read here")


async def test_imports_at_the_same_moment_leave_all_of_one_of_them(server, office):
    desk = await office(server)
    holidays = core(server.app).services.get(Holidays)
    sets = [
        [Span(f"20{n:02}-01-01", f"20{n:02}-01-01", str(k)) for k in range(5)] for n in range(10)
    ]
    await asyncio.gather(*(holidays.replace("state", spans) for spans in sets))
    found = await desk.days()
    assert len(found) == 5
    assert len({first for first, _, _ in found}) == 1


async def test_an_imported_holiday_can_be_deleted_alone(server, office):
    desk = await office(server)
    await desk.imported("state")
    (one,) = await desk.done("GET", "/calendar/holidays")
    assert await desk.done("DELETE", f"/calendar/holidays/{one['_id']}") == one
    assert await desk.ask("DELETE", f"/calendar/holidays/{one['_id']}") == (
        404,
        "Holiday not found",
    )
    assert await desk.days() == []


async def test_more_than_anybody_needs_is_refused(server, office):
    desk = await office(server)
    stored = server.documents
    terms = [
        {"_id": ObjectId(), "name": "x", "from": f"{1000 + n}-01-01", "to": f"{1000 + n}-01-01"}
        for n in range(MOST_TERMS - 1)
    ]
    await stored["calendar_terms"].insert_one({"_id": "all", "terms": terms})
    await desk.term("2026-09-01", "2026-12-18")
    body = {"name": "Term", "from": "2027-09-01", "to": "2027-12-18"}
    assert await desk.ask("POST", "/calendar/terms", body) == (409, "there are too many terms")

    holidays = [dict(one, _id=ObjectId()) for one in (terms * 11)[: MOST_HOLIDAYS - 1]]
    await stored["calendar_holidays"].insert_one({"_id": "", "holidays": holidays})
    await desk.holiday("2026-09-01", "2026-09-01")
    refused = await desk.ask("POST", "/calendar/holidays", body)
    assert refused == (409, "there are too many holidays")

    room = await class_room(server, await server.person("teacher"))
    for number in range(MOST_MEETINGS):
        await desk.meeting(room["_id"], number % 7 + 1)
    more = {"weekday": 1, "from": "09:45", "to": "11:15"}
    refused = await desk.ask("POST", f"/class/{room['_id']}/meetings", more)
    assert refused == (409, "class has too many meetings")


async def test_the_longest_import_fits_into_one_document(server):
    holidays = core(server.app).services.get(Holidays)
    wide = "\U0001f3d6" * 100
    spans = [Span("2026-01-01", "2026-01-02", f"{n}{wide}"[:100]) for n in range(MOST_HOLIDAYS)]
    assert (await holidays.replace("state", spans)).holidays == MOST_HOLIDAYS


async def test_the_meetings_of_a_class_go_with_the_class(server, office):
    desk = await office(server)
    teacher = await server.person("teacher")
    gone, kept = [await class_room(server, teacher) for _ in range(2)]
    for room in (gone, kept):
        await desk.meeting(room["_id"], 1)
    await desk.done("DELETE", f"/class/{gone['_id']}", by=teacher)
    left = await server.documents["calendar_meetings"].find({}).to_list()
    assert [str(one["classId"]) for one in left] == [kept["_id"]]


class Interloper:
    """A plugin that does something just before a meeting is stored, once."""

    def __init__(self):
        self.act = None

    @hookimpl
    async def outbox_entries(self, event):
        if isinstance(event, MeetingsChanged) and self.act is not None:
            act, self.act = self.act, None
            await act

    @hookimpl
    async def deliver(self, kind, data):
        raise AssertionError(f"nothing is to be delivered: {kind} {data}")


@pytest.mark.parametrize("gone", ["class", "term"])
async def test_a_meeting_that_is_added_while_class_or_term_go_does_not_stay(serve, office, gone):
    interloper = Interloper()
    server = await serve(beside=[interloper])
    desk = await office(server)
    room = await class_room(server, await server.person("teacher"))
    term = await desk.term("2026-09-01", "2026-12-18")
    places = {"class": f"/class/{room['_id']}", "term": f"/calendar/terms/{term['_id']}"}
    interloper.act = desk.done("DELETE", places[gone])
    body = {"weekday": 1, "from": "09:45", "to": "11:15", "termId": term["_id"]}
    refused = await desk.ask("POST", f"/class/{room['_id']}/meetings", body)
    assert refused == (404, f"{gone.capitalize()} not found")
    assert interloper.act is None
    assert await server.documents["calendar_meetings"].count_documents({}) == 0


class Listener:
    """A plugin that keeps what it is told."""

    def __init__(self):
        self.told = []

    @hookimpl
    def on_event(self, event):
        if isinstance(event, (TermsChanged, HolidaysChanged, MeetingsChanged)):
            self.told.append(event)


async def test_each_change_is_told_and_audited_with_its_days_and_without_words(serve, office):
    listener = Listener()
    server = await serve(beside=[listener])
    desk = await office(server)
    room = await class_room(server, await server.person("teacher"))
    term = await desk.term("2026-09-01", "2026-12-18")
    meeting = await desk.meeting(room["_id"], 1, term["_id"])
    await desk.done("DELETE", f"/class/{room['_id']}/meetings/{meeting['_id']}")
    await desk.done("DELETE", f"/calendar/terms/{term['_id']}")
    holiday = await desk.holiday("2026-10-05", "2026-10-09")
    await desk.done("DELETE", f"/calendar/holidays/{holiday['_id']}")
    await desk.imported("state")
    await desk.done("DELETE", "/calendar/imports/state")
    await core(server.app).plugins.all_told()
    changed = MeetingsChanged(room["_id"])
    assert listener.told == [
        TermsChanged(term["_id"]),
        *(changed, changed),
        TermsChanged(term["_id"]),
        *(HolidaysChanged(None), HolidaysChanged(None)),
        *(HolidaysChanged("state"), HolidaysChanged("state")),
    ]
    entries = await desk.done("GET", "/admin/audit?limit=500")
    ours = [one for one in entries if one["action"].startswith("calendar.")]
    days = {"from": "2026-09-01", "to": "2026-12-18"}
    times = {"weekday": 1, "from": "09:45", "to": "11:15"}
    free = {"from": "2026-10-05", "to": "2026-10-09"}
    assert sorted((one["action"], one["before"], one["after"]) for one in ours) == [
        ("calendar.holiday-created", {}, free),
        ("calendar.holiday-deleted", free, {}),
        ("calendar.holidays-imported", {}, {"holidays": 1}),
        ("calendar.import-deleted", {"holidays": 1}, {}),
        ("calendar.meeting-added", {}, times),
        ("calendar.meeting-deleted", times, {}),
        ("calendar.term-created", {}, days),
        ("calendar.term-deleted", days, {}),
    ]
    assert {one["who"] for one in ours} == {desk.admin.id}
