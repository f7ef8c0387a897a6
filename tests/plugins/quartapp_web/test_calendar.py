"""The administrator's pages about terms, holidays, meetings and missing roll calls."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from quartapp import core
from quartapp_classes.testing import class_room

CALENDAR = "/app/office/calendar"
ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//school//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:{first}
SUMMARY:<b>Ferien</b> 🙂
END:VEVENT
END:VCALENDAR
"""


async def office(serve):
    """Return a server, and the browser of an administrator."""
    server = await serve()
    return server, server.page(await server.person("admin"))


def day(server, days=0):
    return (core(server.app).local_day() + timedelta(days)).isoformat()


async def test_terms_are_made_changed_and_deleted(serve):
    _, page = await office(serve)
    term = {"name": "<First> term", "from": "2026-08-01", "to": "2026-12-20"}
    made = await page.follow(await page.submit(f"{CALENDAR}/terms/new", **term))
    assert "The terms are changed" in made.text
    assert "<bdi>&lt;First&gt; term</bdi>" in made.text
    (path,) = re.findall(rf'href="({CALENDAR}/terms/[0-9a-f]{{24}})"', made.text)
    assert 'value="2026-12-20"' in (await page.get(path)).text
    for fields, told in (
        ({**term, "name": "Other"}, "a day in common with another one"),
        ({**term, "to": "2026-07-01"}, "The last day is before the first one"),
        ({**term, "from": "someday"}, "Choose the first day"),
        ({**term, "name": " "}, "Type a name"),
    ):
        refused = await page.submit(f"{CALENDAR}/terms/new", **fields)
        assert (refused.status_code, told in refused.text) == (422, True), fields
    changed = await page.submit(path, **{**term, "to": "2027-01-31"})
    assert "2027-01-31" in (await page.follow(changed)).text
    refused = await page.submit(path, **{**term, "to": ""})
    assert (refused.status_code, "Choose the last day" in refused.text) == (422, True)
    assert "There is no" not in (await page.follow(await page.submit(f"{path}/delete"))).text
    assert (await page.get(path)).status_code == 404
    assert (await page.submit(f"{path}/delete")).status_code == 404


async def test_term_of_a_meeting_stays(serve):
    server, page = await office(serve)
    term = {"name": "Term", "from": "2026-08-01", "to": "2026-12-20"}
    made = await page.follow(await page.submit(f"{CALENDAR}/terms/new", **term))
    (key,) = re.findall(r"/terms/([0-9a-f]{24})/delete", made.text)
    room = await class_room(server, await server.person("teacher"))
    path = f"/app/classes/{room['_id']}/meetings"
    meeting = {"weekday": "1", "from": "08:00", "to": "08:45", "room": "", "termId": key}
    assert (await page.submit(path, **meeting)).is_redirect
    refused = await page.submit(f"{CALENDAR}/terms/{key}/delete")
    assert (refused.status_code, "Classes meet in this term" in refused.text) == (409, True)
    gone = await page.submit(path, **{**meeting, "termId": "0" * 24})
    assert (gone.status_code, "This term is deleted" in gone.text) == (422, True)


async def test_holidays_are_entered_and_deleted(serve):
    server, page = await office(serve)
    holiday = {"name": "Outing", "from": day(server), "to": day(server, 1)}
    made = await page.follow(await page.submit(f"{CALENDAR}/holidays/new", **holiday))
    assert "Outing" in made.text
    over = {"name": "Over", "from": day(server, -2), "to": day(server, -1)}
    made = await page.follow(await page.submit(f"{CALENDAR}/holidays/new", **over))
    assert "Over" not in made.text
    (path,) = re.findall(r'action="(/app/office/calendar/holidays/[0-9a-f]+/delete)"', made.text)
    assert "Outing" not in (await page.follow(await page.submit(path))).text
    assert (await page.submit(path)).status_code == 404
    wrong = {"name": "Outing", "from": day(server, 1), "to": day(server)}
    refused = await page.submit(f"{CALENDAR}/holidays/new", **wrong)
    assert (refused.status_code, "before the first one" in refused.text) == (422, True)


async def uploaded(page, content, source="ferien"):
    files = {"calendar": ("ferien.ics", content, "text/calendar")} if content is not None else {}
    return await page.client.post(
        f"{CALENDAR}/import",
        data={"source": source},
        files=files or {"other": b""},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


async def test_calendar_is_uploaded_again_and_forgotten(serve):
    server, page = await office(serve)
    for first in (day(server, 1), day(server, 2)):
        content = ICS.format(first=first.replace("-", "")).replace("\n", "\r\n").encode()
        shown = await page.follow(await uploaded(page, content))
        assert "in the place of those" in shown.text
        assert "&lt;b&gt;Ferien&lt;/b&gt; 🙂" in shown.text
        assert shown.text.count(first) == 1
    assert day(server, 1) not in shown.text
    assert "1 holiday " in shown.text
    forgotten = await page.follow(await page.submit(f"{CALENDAR}/imports/ferien/delete"))
    assert "Ferien" not in forgotten.text
    assert (await page.submit(f"{CALENDAR}/imports/ferien/delete")).status_code == 404


@pytest.mark.parametrize(
    ("content", "source", "told"),
    [
        (b"no calendar \xff", "ferien", "This is no iCalendar file"),
        (None, "ferien", "Choose the file"),
        (b"", "ferien", "Choose the file"),
        (ICS.format(first="20261332").encode(), "ferien", "An event of the file cannot be read"),
        (ICS.format(first="20261224").encode(), "No Name", "Type a short name"),
    ],
)
async def test_unfit_file_is_told(serve, content, source, told):
    _, page = await office(serve)
    refused = await uploaded(page, content, source)
    assert (refused.status_code, told in refused.text) == (422, True), refused.text
    assert "Imported calendars" not in (await page.get(CALENDAR)).text


async def test_missing_roll_calls_of_a_day_are_listed(serve):
    server, page = await office(serve)
    teacher = await server.person("teacher", name="Ada <Qq>")
    student = await server.person("student")
    room = await class_room(server, teacher, [student], name="Maths <7b>")
    today = core(server.app).local_day()
    path = f"/app/classes/{room['_id']}"
    meeting = {"weekday": str(today.isoweekday()), "from": "08:00", "to": "08:45", "room": "R 1"}
    shown = await page.follow(await page.submit(f"{path}/meetings", **meeting, termId=""))
    assert "The meetings are changed" in shown.text
    listed = (await page.get("/app/office/")).text
    for told in ("Not taken today", "<bdi>Maths &lt;7b&gt;</bdi>", "Ada &lt;Qq&gt;", "08:00-08:45"):
        assert told in listed
    assert room["_id"] not in (await page.get(f"/app/office/?day={day(server, 1)}")).text
    assert room["_id"] in (await page.get(f"/app/office/?day={day(server, 7)}")).text
    for wrong in ("day=someday", "after=x"):
        assert (await page.get(f"/app/office/?{wrong}")).status_code == 400
    start = {"classId": room["_id"]}
    started = await server.api.post("/attendance/start", json=start, headers=teacher.headers)
    assert started.is_success
    assert room["_id"] not in (await page.get("/app/office/")).text
    (key,) = re.findall(r'id="meeting-([0-9a-f]{24})"', shown.text)
    for _ in range(2):
        done = await page.follow(await page.submit(f"{path}/meetings/remove", one=key))
        assert key not in done.text
    refused = await page.submit(f"{path}/meetings", **{**meeting, "to": "07:00"}, termId="")
    assert (refused.status_code, "ends before it begins" in refused.text) == (422, True)
    refused = await page.submit(f"{path}/meetings", **{**meeting, "weekday": "8"}, termId="")
    assert (refused.status_code, "Choose a day of the week" in refused.text) == (422, True)


async def test_many_missing_roll_calls_come_in_pages(serve, monkeypatch):
    monkeypatch.setattr("quartapp_web.office_page.SHOWN", 1)
    server, page = await office(serve)
    teacher = await server.person("teacher")
    rooms = [(await class_room(server, teacher))["_id"] for _ in range(2)]
    weekday = str(core(server.app).local_day().isoweekday())
    for room in rooms:
        meeting = {"weekday": weekday, "from": "08:00", "to": "08:45", "room": "", "termId": ""}
        assert (await page.submit(f"/app/classes/{room}/meetings", **meeting)).is_redirect
    first = (await page.get("/app/office/")).text
    (more,) = re.findall(r'href="(/app/office/\?[^"]+)"', first)
    second = (await page.get(more.replace("&amp;", "&"))).text
    assert [[room in text for room in rooms] for text in (first, second)] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_nobody_else_has_the_office(serve, role):
    server, _ = await office(serve)
    page = server.page(await server.person(role))
    assert "/app/office/" not in (await page.follow(await page.get("/app/"))).text
    for read in ("", "calendar", "calendar/import", "calendar/terms/new", "calendar/holidays/new"):
        assert (await page.get(f"/app/office/{read}")).status_code == 403, read
    span = {"name": "Mine", "from": "2026-01-01", "to": "2026-01-02"}
    for write in ("terms/new", "holidays/new", f"terms/{'0' * 24}/delete", "imports/x/delete"):
        assert (await page.submit(f"{CALENDAR}/{write}", **span)).status_code == 403, write
    assert (await uploaded(page, b"BEGIN:VCALENDAR")).status_code == 403
