"""A status for many students at once, in the sessions of a day."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room
from quartapp_office import AbsencesEntered, AbsencesWithdrawn
from quartapp_office.carrying import Carrying
from tests.support.listener import Listener

ABSENCES = "/attendance/absences"


async def test_one_action_changes_all_absences_of_a_day_in_all_classes(desk, lesson):
    listener = Listener(AbsencesEntered, AbsencesWithdrawn)
    here = await desk(beside=[listener])
    maths = await lesson(here.server, 2)
    sick, mate = maths.students
    other = await here.server.person("teacher")
    room = await class_room(here.server, other, [sick])
    held = await here.hold(maths)
    body = {"date": here.today, "records": [{"studentId": sick.id, "status": "absent"}]}
    added = (await here.done("POST", f"/class/{room['_id']}/sessions", body, by=other))["_id"]
    entry, results = await here.enter(sick)
    assert set(results) == {(sick.id, held), (sick.id, added)}
    assert all(one["success"] for one in results.values())
    assert results[sick.id, held]["classId"] == maths.class_id
    assert (entry["applying"], entry["from"], entry["to"]) == (False, None, None)
    assert entry["students"] == [{"_id": sick.id, "displayName": sick.name}]
    for session in (held, added):
        record = await here.record(session, sick)
        assert (record["status"], record["v"], record["via"]) == ("absent", 2, "office")
        assert (record["office"], record["by"]) == (True, here.admin.id)
        assert (await here.history(session, sick))[-1]["reason"] == "Called in sick"
    assert (await here.record(held, mate))["v"] == 1
    await here.server.settled()
    assert listener.told == [
        AbsencesEntered(entry["_id"], here.today, (sick.id,), "absent", here.admin.id)
    ]
    audit = here.server.documents["audit"]
    kept = await audit.find_one({"action": "office.absence-entered"})
    assert kept["about"] == {"entry": entry["_id"], "student": sick.id}
    assert "sick" not in str(kept).lower().replace(sick.id, "")
    assert await audit.count_documents({"action": "records.corrected"}) == 2


async def test_a_colleagues_correction_is_not_overwritten_unseen(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 2)
    student, there = maths.students
    session = await here.hold(maths, s1="present")
    await here.correct(session, student, "absent", 1, by=maths.teacher)
    _, results = await here.enter(student, there)
    for one, v in ((student, 2), (there, 1)):
        refused = results[one.id, session]
        assert (refused["success"], refused["error"]) == (False, "record has changed")
        assert refused["code"] == "record-has-changed"
        assert refused["current"]["v"] == v
        assert (await here.record(session, one))["v"] == v

    seen = [
        {"sessionId": session, "studentId": student.id, "v": 2},
        {"sessionId": session, "studentId": there.id, "v": 7},
    ]
    _, results = await here.enter(student, there, seen=seen)
    assert results[student.id, session]["record"]["v"] == 3
    assert results[there.id, session]["error"] == "record has changed"
    assert (await here.record(session, there))["status"] == "present"


@pytest.mark.parametrize("round_", range(3))
async def test_of_an_entry_and_a_correction_at_once_one_is_seen_by_the_other(desk, lesson, round_):
    here = await desk()
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    session = await here.hold(maths)
    path = f"/session/{session}/attendance/{student.id}"
    body = {"status": "present", "v": 1, "reason": "came late"}
    corrected, (_, results) = await asyncio.gather(
        here.request("PATCH", path, body, by=maths.teacher), here.enter(student)
    )
    entered = results[student.id, session]
    assert entered["success"] != corrected.is_success
    record = await here.record(session, student)
    assert (record["v"], record["status"]) == (2, "present" if corrected.is_success else "absent")


async def test_roll_calls_that_begin_later_have_the_mark_and_teachers_change_it(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 3)
    sick, back, _ = maths.students
    _, results = await here.enter(sick, back)
    assert results == {}
    await maths.start()
    await here.server.settled()
    assert (await maths.session())["attendance"] == {sick.id: "absent", back.id: "absent"}
    stored = await here.server.documents["sessions"].find_one({"state": "active"})
    assert stored["attendance"][sick.id]["via"] == "office"
    socket = await here.server.socket(maths.teacher)
    await socket.drain()
    mark = {"studentId": back.id, "status": "present"}
    assert (await socket.ask("ATTENDANCE_MARKED", mark))["data"] == mark
    await socket.ask("DONE")
    await here.server.settled()
    assert await maths.records() == ["absent", "present", "absent"]


async def test_a_live_roll_call_gets_the_mark_and_a_present_student_stays(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 3)
    sick, there, other = maths.students
    await maths.start()
    await here.server.settled()
    socket = await here.server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", {"studentId": there.id, "status": "present"})
    _, results = await here.enter(sick, there)
    (session,) = {key[1] for key in results}
    assert results[sick.id, session]["success"] is True
    refused = results[there.id, session]
    assert (refused["success"], refused["error"]) == (False, "student is marked present")
    marks = (await maths.session())["attendance"]
    assert marks == {sick.id: "absent", there.id: "present"}
    assert other.id not in marks
    await socket.drain()
    await socket.ask("DONE")


async def test_a_part_of_a_day_has_the_sessions_that_begin_in_it(desk, lesson):
    clock = TurnedClock(datetime(2026, 3, 9, 4, 0, tzinfo=UTC))
    # Nine in the morning there.
    here = await desk(clock=clock, timezone="Asia/Karachi")
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    morning = await here.hold(maths)
    paper = await here.added(maths, "absent")
    _, results = await here.enter(student, **{"from": "09:00", "to": "10:00"})
    assert set(results) == {(student.id, morning)}
    _, results = await here.enter(student, to="09:00")
    assert results == {}
    _, results = await here.enter(student, **{"from": "09:01"})
    assert results == {}
    _, results = await here.enter(student)
    assert results[student.id, paper]["success"] is True


async def test_records_made_later_follow_the_newest_entry(desk, lesson):
    here = await desk(extra_plugins=("excuses",))
    maths = await lesson(here.server, 2)
    student, present = maths.students
    await here.enter(student, present)
    newest, _ = await here.enter(student, status="excused", reason="Doctor")
    session = await here.added(maths, "absent", "present")
    await here.server.settled()
    record = await here.record(session, student)
    assert (record["status"], record["v"], record["via"]) == ("excused", 2, "office")
    assert (await here.record(session, present))["status"] == "present"
    listed = await here.done("GET", f"{ABSENCES}/entered")
    assert [one["_id"] for one in listed][-1] == newest["_id"]
    assert not any(one["applying"] for one in listed)


async def test_unmarked_students_of_a_superseded_session_get_a_record(desk, lesson):
    here = await desk()
    maths, physics = await lesson(here.server, 1), await lesson(here.server)
    (student,) = maths.students
    await maths.start()
    await physics.start()
    await here.server.settled()
    _, results = await here.enter(student)
    ((_, session),) = results
    record = await here.record(session, student)
    assert (record["v"], record["via"]) == (1, "office")


async def test_a_withdrawn_entry_marks_nobody_and_leaves_what_it_has_changed(desk, lesson):
    listener = Listener(AbsencesEntered, AbsencesWithdrawn)
    here = await desk(beside=[listener])
    maths = await lesson(here.server, 2)
    wrong, right = maths.students
    before = await here.hold(maths)
    entry, _ = await here.enter(wrong, right)
    path = f"{ABSENCES}/entered/{entry['_id']}/students"
    left = await here.done("DELETE", f"{path}/{wrong.id}")
    assert [one["_id"] for one in left["students"]] == [right.id]
    assert (await here.record(before, wrong))["v"] == 2
    assert await here.ask("DELETE", f"{path}/{wrong.id}") == (404, "Entry not found")
    assert await here.ask("DELETE", f"{path}/x") == (404, "Entry not found")
    await maths.start()
    await here.server.settled()
    assert (await maths.session())["attendance"] == {right.id: "absent"}
    assert (await here.done("DELETE", f"{path}/{right.id}"))["students"] == []
    assert await here.done("GET", f"{ABSENCES}/entered") == []
    assert isinstance(listener.told[-1], AbsencesWithdrawn)
    audit = here.server.documents["audit"]
    assert await audit.count_documents({"action": "office.absence-withdrawn"}) == 2


async def test_unknown_students_are_answered_for_themselves(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    session = await here.hold(maths)
    nobody, teacher = str(ObjectId()), maths.teacher.id
    body = {"date": here.today, "status": "absent", "reason": "x"}
    told = await here.done("POST", ABSENCES, {**body, "studentIds": [nobody, student.id, teacher]})
    results = [(one["studentId"], one["sessionId"], one["success"]) for one in told["results"]]
    assert results == [
        (student.id, session, True),
        (nobody, None, False),
        (teacher, None, False),
    ]
    assert {one.get("error") for one in told["results"]} == {None, "Student not found"}
    alone = {**body, "studentIds": [nobody]}
    assert await here.ask("POST", ABSENCES, alone) == (404, "Student not found")


async def test_locked_records_stay_and_the_answer_says_so(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    session = await here.hold(maths)
    await here.done("PUT", "/admin/record-lock", {"through": here.today})
    _, results = await here.enter(student)
    assert results[student.id, session]["error"] == "Forbidden, records are locked"
    assert (await here.record(session, student))["v"] == 1


async def test_an_entry_that_was_killed_half_way_is_finished_once(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    first, second = await here.hold(maths), await here.hold(maths)
    entry, _ = await here.enter(student)
    documents, key = here.server.documents, ObjectId(entry["_id"])
    # As a process leaves the entry that is killed after one of two records.
    await documents["attendance"].update_one(
        {"sessionId": ObjectId(second)},
        {"$set": {"v": 1, "via": "unmarked", "history": []}, "$unset": {"entry": ""}},
    )
    since = core(here.server.app).clock.now() - timedelta(minutes=2)
    order = {"since": since, "all": True, "sessions": [], "seen": []}
    await documents["office_entries"].update_one({"_id": key}, {"$set": {"pending": order}})
    await core(here.server.app).services.get(Carrying).finish()
    assert "pending" not in await documents["office_entries"].find_one({"_id": key})
    assert (await here.record(first, student))["v"] == 2
    assert (await here.record(second, student))["via"] == "office"


async def test_a_repeated_request_enters_once(desk, lesson):
    here = await desk()
    maths = await lesson(here.server, 1)
    (student,) = maths.students
    session = await here.hold(maths)
    body = {"date": here.today, "studentIds": [student.id], "status": "absent", "reason": "x"}
    headers = {"Idempotency-Key": "sick-today"}
    first, second = [await here.request("POST", ABSENCES, body, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert (await here.record(session, student))["v"] == 2
    assert len(await here.done("GET", f"{ABSENCES}/entered")) == 1


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"status": "unheard_of"}, "Invalid request schema"),
        ({"reason": " "}, "Invalid request schema"),
        ({"reason": "x" * 501}, "Invalid request schema"),
        ({"from": "10:00", "to": "09:00"}, "Invalid request schema"),
        ({"from": "24:00"}, "Invalid request schema"),
        ({"date": "2026-02-30"}, "Invalid request schema"),
        ({"date": "1969-12-31"}, "date is before 1970"),
        ({"date": "2999-12-31"}, "date is more than a year ahead"),
        ({"studentIds": []}, "Invalid request schema"),
        ({"studentIds": ["x"]}, "Invalid request schema"),
    ],
)
async def test_bad_entries_are_refused(desk, more, refusal):
    here = await desk()
    student = await here.server.person("student")
    body = {"date": here.today, "studentIds": [student.id], "status": "absent", "reason": "x"}
    assert await here.ask("POST", ABSENCES, {**body, **more}) == (400, refusal)
    assert await here.done("GET", f"{ABSENCES}/entered") == []


async def test_one_student_is_named_once_and_teachers_enter_nothing(desk):
    here = await desk()
    student, teacher = await here.server.person("student"), await here.server.person("teacher")
    body = {"date": here.today, "studentIds": [student.id] * 2, "status": "absent", "reason": "x"}
    assert (await here.ask("POST", ABSENCES, body))[0] == 400
    body["studentIds"] = [student.id]
    for who in (student, teacher):
        assert (await here.ask("POST", ABSENCES, body, by=who))[0] == 403
        assert (await here.ask("GET", f"{ABSENCES}/entered", by=who))[0] == 403
    tomorrow = (date.fromisoformat(here.today) + timedelta(days=1)).isoformat()
    ahead = await here.done("POST", ABSENCES, {**body, "date": tomorrow})
    assert (ahead["results"], ahead["entry"]["date"]) == ([], tomorrow)
