"""What is left to do on Today, and roll calls after the event, without a browser."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest

from quartapp.testing import TurnedClock

# A Monday, ten minutes before midnight in Berlin.
NOW = datetime(2027, 3, 8, 22, 50, tzinfo=UTC)
MONDAY = "2027-03-08"
# From before the lesson until it is over, and from there until Tuesday.
LESSON = 300.0
MIDNIGHT = 600.0


@pytest.fixture
def clock():
    return TurnedClock(NOW)


@pytest.fixture
async def school(serve, clock):
    server = await serve(clock=clock, timezone="Europe/Berlin")
    # The turned clock ends connections that wait for a further request.
    server.api.headers["Connection"] = "close"
    return server


def page_of(server, person):
    page = server.page(person)
    page.client.headers["Connection"] = "close"
    return page


async def meets(server, maths, weekday, starts="23:51", ends="23:54"):
    body = {"weekday": weekday, "from": starts, "to": ends}
    path = f"/class/{maths.class_id}/meetings"
    answer = await server.api.post(path, json=body, headers=maths.teacher.headers)
    assert answer.status_code == 201, answer.text


async def sessions(server, maths):
    path = f"/class/{maths.class_id}/sessions"
    answer = await server.api.get(path, headers=maths.teacher.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def noted(server, maths, session):
    answer = await server.api.get(f"/session/{session['_id']}", headers=maths.teacher.headers)
    found = {one["studentId"]: one["status"] for one in answer.json()["data"]["records"]}
    return [found.get(student.id) for student in maths.students]


def missing(text):
    """The days on Today for which a roll call can be entered."""
    return re.findall(r'href="/app/later/\w+\?date=([-0-9]+)"', text)


def seen(answer):
    return re.search(r'name="seen" value="([\w ]*)"', answer.text)[1]


async def test_meeting_without_a_roll_call_is_due_once_it_is_over(school, clock, lesson):
    maths = await lesson(school)
    await meets(school, maths, 1)
    page = page_of(school, maths.teacher)
    before = (await page.get("/app/today")).text
    # Also the meetings of the weeks before the class had a timetable are nobody's omission.
    assert missing(before) == []
    assert "Nothing is left to do" in before
    await clock.advance(LESSON)
    assert missing((await page.get("/app/today")).text) == [MONDAY]
    await clock.advance(MIDNIGHT)
    after = (await page.get("/app/today")).text
    assert missing(after) == [MONDAY]
    assert "Mon 8 Mar" in after
    assert "Nothing is left to do" not in after


async def test_day_that_teachers_can_no_longer_change_is_not_due(serve, clock, lesson, monkeypatch):
    monkeypatch.setenv("QUARTAPP_RECORDS_EDIT_DAYS", "0")
    server = await serve(clock=clock, timezone="Europe/Berlin")
    maths = await lesson(server)
    await meets(server, maths, 1)
    await clock.advance(LESSON)
    assert missing((await page_of(server, maths.teacher).get("/app/today")).text) == [MONDAY]
    await clock.advance(MIDNIGHT)
    assert missing((await page_of(server, maths.teacher).get("/app/today")).text) == []


async def test_locked_day_is_not_due(school, clock, lesson):
    maths = await lesson(school)
    admin = await school.person("admin")
    await meets(school, maths, 1)
    await clock.advance(LESSON + MIDNIGHT)
    page = page_of(school, maths.teacher)
    assert missing((await page.get("/app/today")).text) == [MONDAY]
    for through, due in ((MONDAY, []), ("2027-03-07", [MONDAY])):
        answer = await school.api.put(
            "/admin/record-lock", json={"through": through}, headers=admin.headers
        )
        assert answer.status_code == 200, answer.text
        assert missing((await page.get("/app/today")).text) == due


async def test_roll_call_after_the_event_is_stored_and_no_longer_due(school, clock, lesson):
    maths = await lesson(school, students=3)
    await meets(school, maths, 1)
    await clock.advance(LESSON + MIDNIGHT)
    page = page_of(school, maths.teacher)
    path = f"/app/later/{maths.class_id}"
    shown = await page.get(f"{path}?date={MONDAY}")
    assert "Mon 8 Mar" in shown.text
    choice = {f"s-{maths.students[1].id}": "absent"}
    answer = await page.submit(path, date=MONDAY, seen=seen(shown), rest="present", **choice)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/app/register/{maths.class_id}?from={MONDAY}&to={MONDAY}"
    (session,) = await sessions(school, maths)
    assert (session["date"], session["outcome"]) == (MONDAY, "closed")
    assert await noted(school, maths, session) == ["present", "absent", "present"]
    assert missing((await page.get("/app/today")).text) == []
    # The same form once more, as after a press on "back", stores nothing.
    again = await page.submit(path, date=MONDAY, seen=seen(shown), rest="present", **choice)
    assert again.status_code == 303
    assert len(await sessions(school, maths)) == 1


async def test_whoever_is_not_marked_may_get_no_record(school, lesson):
    maths = await lesson(school)
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}"
    choice = {f"s-{maths.students[0].id}": "present"}
    stored = await page.submit(path, date=MONDAY, rest="none", **choice)
    assert stored.status_code == 303
    (session,) = await sessions(school, maths)
    assert await noted(school, maths, session) == ["present", None]


async def test_cancelled_lesson_is_stored_with_its_reason(school, clock, lesson):
    maths = await lesson(school)
    await meets(school, maths, 1)
    await clock.advance(LESSON + MIDNIGHT)
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}/cancelled"
    without = await page.submit(path, date=MONDAY, reason=" ")
    assert (without.status_code, "Type why there was no lesson" in without.text) == (422, True)
    assert await sessions(school, maths) == []
    assert (await page.submit(path, date=MONDAY, reason="<Snow>")).status_code == 303
    (session,) = await sessions(school, maths)
    assert (session["outcome"], session["note"]) == ("cancelled", "<Snow>")
    assert missing((await page.get("/app/today")).text) == []


async def test_roll_call_that_somebody_has_entered_meanwhile_is_told(school, lesson):
    maths = await lesson(school)
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}"
    shown = await page.get(f"{path}?date={MONDAY}")
    first = await page.submit(path, date=MONDAY, seen=seen(shown), rest="present")
    assert first.status_code == 303
    for where, fields in (
        (path, {"rest": "absent"}),
        (f"{path}/cancelled", {"reason": "Snow"}),
    ):
        late = await page.submit(where, date=MONDAY, seen=seen(shown), **fields)
        assert late.status_code == 409
        assert "Somebody has entered a roll call of this day meanwhile" in late.text
        assert "2 present, 0 absent" in late.text
    (session,) = await sessions(school, maths)
    assert await noted(school, maths, session) == ["present", "present"]
    # Who has seen it may store a second one.
    again = await page.submit(path, date=MONDAY, seen=seen(late), rest="absent")
    assert again.status_code == 303
    assert len(await sessions(school, maths)) == 2


async def test_of_two_pages_that_are_sent_at_once_one_is_stored(school, lesson):
    maths = await lesson(school)
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}"
    answers = await asyncio.gather(
        *(page.submit(path, date=MONDAY, rest=rest) for rest in ("present", "absent"))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    (session,) = await sessions(school, maths)
    stored = "present" if answers[0].status_code == 303 else "absent"
    assert await noted(school, maths, session) == [stored, stored]


async def test_live_roll_call_that_began_meanwhile_is_told(school, lesson):
    maths = await lesson(school)
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}"
    shown = await page.get(path)
    await maths.start()
    late = await page.submit(path, date=MONDAY, seen=seen(shown), rest="present")
    assert late.status_code == 409
    assert f'href="/app/roll/{maths.class_id}"' in late.text
    assert await sessions(school, maths) == []


async def test_what_cannot_be_stored_is_said_and_kept(school, lesson):
    maths = await lesson(school)
    other = await school.person("student")
    page, path = page_of(school, maths.teacher), f"/app/later/{maths.class_id}"
    choice = {f"s-{maths.students[0].id}": "absent"}
    for fields, told in (
        ({"date": "2027-03-09", "rest": "present"}, "yet to come"),
        ({"date": "1969-01-01", "rest": "present"}, "before 1970"),
        ({"date": "2027-02-01", "rest": "present"}, "too long ago"),
        ({"date": MONDAY}, None),
        ({"date": MONDAY, "rest": "nothing"}, "may not set one of these"),
        ({"date": MONDAY, "rest": "none", f"s-{other.id}": "present"}, "has left the class"),
        ({"date": MONDAY, "rest": "none", "s-nobody": "present"}, "has left the class"),
    ):
        sent = {**choice, **fields} if told else fields
        answer = await page.submit(path, **sent)
        assert answer.status_code == 422, fields
        assert (told or "Mark somebody") in answer.text
        if told:
            kept = rf's-{maths.students[0].id}" value="absent" checked'
            assert re.search(kept, answer.text), fields
    assert (await page.submit(path, date="x", rest="present")).status_code == 400
    assert (await page.get(f"{path}?date=x")).status_code == 400
    assert await sessions(school, maths) == []


async def test_only_teachers_of_the_class_enter_its_roll_calls(school, lesson):
    maths = await lesson(school)
    path = f"/app/later/{maths.class_id}"
    for person in (await school.person("teacher"), maths.students[0]):
        page = page_of(school, person)
        assert (await page.get(path)).status_code == 403
        assert (await page.submit(path, date=MONDAY, rest="present")).status_code == 403
        sent = await page.submit(f"{path}/cancelled", date=MONDAY, reason="Snow")
        assert sent.status_code == 403
    assert await sessions(school, maths) == []


async def test_roll_call_that_was_cut_off_is_due_until_it_is_finished(school, lesson, mark):
    maths, physics = await lesson(school), await lesson(school)
    await maths.start()
    socket = await school.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0], "present"))
    await physics.start()
    page = page_of(school, maths.teacher)
    (path,) = re.findall(r'action="(/app/session/\w+/finish)"', (await page.get("/app/today")).text)
    answer = await page.submit(path)
    assert "/finish" not in (await page.follow(answer)).text
    after = (await page.get("/app/today")).text
    assert "/finish" not in after
    assert "Nothing is left to do" in after
