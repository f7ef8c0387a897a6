"""The list of a day's absences, of all classes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from quartapp import core

ABSENCES = "/attendance/absences"


async def test_absences_of_all_classes_are_on_one_list_by_student(desk, lesson):
    here = await desk()
    maths, physics = await lesson(here.server, 2), await lesson(here.server, 1)
    first, second = maths.students
    third = physics.students[0]
    held = await here.hold(maths, s0="present")
    added = await here.added(maths, "absent", "present", date=here.today)
    taken = await here.hold(physics)
    told = await here.absences(date=here.today)
    assert await here.absences() == told
    listed = {one["studentId"]: one for one in told}
    assert set(listed) == {first.id, second.id, third.id}
    assert list(listed) == sorted(listed)
    sessions = {key: [each["sessionId"] for each in one["absences"]] for key, one in listed.items()}
    assert sessions == {first.id: [added], second.id: [held], third.id: [taken]}
    (absence,) = listed[second.id]["absences"]
    assert absence.pop("startedAt") is not None
    assert absence == {
        "sessionId": held,
        "classId": maths.class_id,
        "className": absence["className"],
        "status": "absent",
        "v": 1,
        "via": "unmarked",
        "office": False,
        "minutesLate": None,
        "note": None,
        "reason": None,
    }
    assert absence["className"]
    assert listed[first.id]["displayName"] == first.name
    assert listed[first.id]["excuse"] is None
    # Nobody knows the time of a roll call on paper.
    assert listed[first.id]["absences"][0]["startedAt"] is None
    yesterday = core(here.server.app).local_day() - timedelta(days=1)
    assert await here.absences(date=yesterday.isoformat()) == []


async def test_a_corrected_record_leaves_the_list_and_its_reason_shows(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 2)
    first, second = maths.students
    session = await here.hold(maths)
    await here.correct(session, first, "present", 1)
    await here.correct(session, second, "absent", 1, by=maths.teacher)
    (one,) = await here.absences()
    assert one["studentId"] == second.id
    assert [(each["v"], each["reason"]) for each in one["absences"]] == [(2, "seen")]


async def test_late_students_are_listed_and_one_status_alone_on_request(desk, lesson):
    here = await desk(extra_plugins=("statuses",))
    maths = await lesson(here.server, 3)
    await here.hold(maths, s0="late", s1="present")
    late, _, absent = maths.students
    statuses = {one["studentId"]: one["absences"][0]["status"] for one in await here.absences()}
    assert statuses == {late.id: "late", absent.id: "absent"}
    assert [one["studentId"] for one in await here.absences(status="late")] == [late.id]
    assert await here.absences(status="unheard_of") == []


async def test_pages_have_every_student_once(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 5)
    await here.hold(maths)
    found, after = [], {}
    while page := await here.absences(limit=2, **after):
        assert len(page) <= 2
        found += [one["studentId"] for one in page]
        after = {"after": found[-1]}
    assert found == sorted(student.id for student in maths.students)


async def test_an_excuse_is_on_the_list_whatever_its_state(desk, lesson):
    here = await desk(extra_plugins=("excuses",))
    maths = await lesson(here.server, 3)
    await here.hold(maths)
    excused, waiting, other = maths.students
    body = {"from": here.today, "to": here.today, "reason": "flu"}
    refused = await here.done("POST", "/excuses", body, by=excused)
    await here.done("POST", f"/excuses/{refused['_id']}/refuse", {"word": "no"})
    accepted = await here.done("POST", "/excuses", body, by=excused)
    await here.done("POST", f"/excuses/{accepted['_id']}/accept", {})
    open_one = await here.done("POST", "/excuses", body, by=waiting)
    listed = {one["studentId"]: one for one in await here.absences()}
    assert listed[excused.id]["excuse"] == {"_id": accepted["_id"], "state": "accepted"}
    assert listed[excused.id]["absences"][0]["status"] == "excused"
    assert listed[waiting.id]["excuse"] == {"_id": open_one["_id"], "state": "open"}
    assert listed[other.id]["excuse"] is None


async def test_a_column_that_is_being_changed_is_read_from_the_records(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 1)
    await here.hold(maths)
    before = await here.absences()
    # As a process leaves a column that is killed in the middle of a change.
    stale = {"$set": {"pending": [{"token": 1, "at": core(here.server.app).clock.now()}]}}
    changed = await here.server.documents["register_columns"].update_many({}, stale)
    assert changed.modified_count == 1
    assert await here.absences() == before
    assert len(before) == 1


@pytest.mark.parametrize("who", ["teacher", "student"])
async def test_the_list_is_the_offices_alone(desk, who):
    here = await desk()
    person = await here.server.person(who)
    assert (await here.ask("GET", ABSENCES, by=person))[0] == 403


@pytest.mark.parametrize(
    "query", ["date=2026-02-30", "date=", "limit=0", "limit=501", "after=x", "status=No"]
)
async def test_bad_queries_are_refused(desk, query):
    here = await desk()
    answer = await here.ask("GET", f"{ABSENCES}?{query}")
    assert answer == (400, "Invalid request schema")
