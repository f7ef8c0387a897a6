"""Classes that meet on a day and have no session of that day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room

ZONE = "Asia/Karachi"
# Three hours after midnight of a Monday there, and still Sunday in UTC.
NOW = datetime(2026, 3, 8, 22, 0, tzinfo=UTC)
TODAY, MONDAY = "2026-03-09", 1


@pytest.fixture
async def desk(serve, office):
    server = await serve(clock=TurnedClock(NOW), timezone=ZONE)
    return await office(server)


async def missing(desk, day=None, by=None):
    """The names of the classes that have no session, in order."""
    query = "" if day is None else f"?date={day}"
    found = await desk.done("GET", f"/attendance/not-taken{query}", by=by)
    return [one["className"] for one in found]


async def teaching(desk, *names):
    """A teacher with classes that meet on Mondays, by their names."""
    teacher = await desk.server.person("teacher")
    rooms = {name: await class_room(desk.server, teacher, name=name) for name in names}
    for room in rooms.values():
        await desk.meeting(room["_id"], MONDAY)
    return teacher, rooms


async def start(desk, teacher, room):
    body = {"classId": room["_id"]}
    await desk.done("POST", "/attendance/start", body, by=teacher)


async def test_a_teacher_sees_their_own_classes_and_an_administrator_all(desk):
    ada, _ = await teaching(desk, "Algebra", "Geometry")
    alan, _ = await teaching(desk, "Logic")
    assert await missing(desk) == ["Algebra", "Geometry", "Logic"]
    assert await missing(desk, by=ada) == ["Algebra", "Geometry"]
    assert await missing(desk, by=alan) == ["Logic"]
    assert await missing(desk, by=await desk.server.person("teacher")) == []


async def test_today_is_the_local_day_and_other_weekdays_are_left_out(desk):
    await teaching(desk, "Algebra")
    assert await missing(desk) == ["Algebra"]
    # The day in UTC, and the days around.
    days = {day: await missing(desk, day) for day in ("2026-03-08", TODAY, "2026-03-10")}
    assert days == {"2026-03-08": [], TODAY: ["Algebra"], "2026-03-10": []}
    assert await missing(desk, "2026-03-16") == ["Algebra"]


async def test_a_session_of_the_local_day_counts_live_superseded_and_done(desk):
    ada, rooms = await teaching(desk, "Algebra", "Geometry", "Logic", "Music")
    await start(desk, ada, rooms["Algebra"])
    await start(desk, ada, rooms["Geometry"])
    assert await missing(desk) == ["Logic", "Music"]
    socket = await desk.server.socket(ada)
    await socket.send("DONE")
    assert (await socket.receive())["event"] == "DONE"
    assert await missing(desk) == ["Logic", "Music"]
    assert await missing(desk, "2026-03-16") == [*rooms]


async def test_terms_and_holidays_decide_about_the_day(desk):
    _, rooms = await teaching(desk, "Algebra")
    term = await desk.term("2026-03-01", "2026-03-31")
    other = await desk.term("2026-04-01", "2026-06-30")
    room = await class_room(desk.server, await desk.server.person("teacher"), name="Music")
    await desk.meeting(room["_id"], MONDAY, other["_id"])
    assert await missing(desk) == ["Algebra"]
    assert await missing(desk, "2026-04-06") == ["Algebra", "Music"]
    assert await missing(desk, "2026-07-06") == []
    await desk.holiday("2026-03-07", TODAY)
    assert await missing(desk) == []
    assert await missing(desk, "2026-03-16") == ["Algebra"]
    assert term["from"] == "2026-03-01"
    assert len(rooms) == 1


async def test_a_class_with_several_meetings_is_told_once_with_their_moments(desk):
    _, rooms = await teaching(desk, "Algebra")
    body = {"weekday": MONDAY, "from": "08:00", "to": "08:45", "room": "B 12"}
    early = await desk.done("POST", f"/class/{rooms['Algebra']['_id']}/meetings", body)
    (one,) = await desk.done("GET", "/attendance/not-taken")
    assert [meeting["startsAt"] for meeting in one["meetings"]] == [
        "2026-03-09T03:00:00.000Z",
        "2026-03-09T04:45:00.000Z",
    ]
    assert one["meetings"][0] == {
        "date": TODAY,
        "from": "08:00",
        "to": "08:45",
        "startsAt": "2026-03-09T03:00:00.000Z",
        "endsAt": "2026-03-09T03:45:00.000Z",
        "room": "B 12",
        "meetingId": early["_id"],
        "termId": None,
    }


async def test_pages_are_walked_and_each_class_is_found_once(desk):
    _, rooms = await teaching(desk, *(f"class {number}" for number in range(7)))
    found, after = [], ""
    while page := await desk.done("GET", f"/attendance/not-taken?limit=3{after}"):
        found += page
        after = f"&after={page[-1]['classId']}"
    ids = [one["classId"] for one in found]
    assert ids == sorted(room["_id"] for room in rooms.values())


async def test_without_any_calendar_nothing_is_missing_and_roll_calls_go_on(desk):
    teacher = await desk.server.person("teacher")
    room = await class_room(desk.server, teacher)
    assert await missing(desk) == []
    await start(desk, teacher, room)


async def test_planned_meetings_are_those_of_each_day_of_a_leap_year(desk):
    _, rooms = await teaching(desk, "Algebra")
    class_id = rooms["Algebra"]["_id"]
    await desk.holiday("2028-02-28", "2028-03-05")
    path = f"/class/{class_id}/planned-meetings"
    planned = await desk.done("GET", f"{path}?from=2028-01-01&to=2028-12-31")
    mondays = [date(2028, 1, 3) + timedelta(weeks=number) for number in range(52)]
    expected = [day.isoformat() for day in mondays if day != date(2028, 2, 28)]
    assert [one["date"] for one in planned] == expected
    by_default = [one["date"] for one in await desk.done("GET", path)]
    assert by_default == ["2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06"]
    before = [one["date"] for one in await desk.done("GET", f"{path}?to=2026-03-16")]
    assert before == ["2026-02-16", "2026-02-23", "2026-03-02", "2026-03-09", "2026-03-16"]
    for first, last in (("1000-01-01", "1000-12-31"), ("2999-01-01", "2999-12-31")):
        assert len(await desk.done("GET", f"{path}?from={first}&to={last}")) == 52
    assert len(await desk.done("GET", f"{path}?from=2999-12-30")) == 1
    assert len(await desk.done("GET", f"{path}?to=1000-01-06")) == 1
