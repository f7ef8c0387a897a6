"""What an accepted excuse does to roll calls and records, whenever it is accepted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId

from quartapp import core
from quartapp.testing import TurnedClock
from quartapp_classes.testing import class_room
from quartapp_excuses.applying import Applying

DAY = 86_400


def put_forward(clock, seconds):
    """Set the time alone, so that no periodic task runs."""
    before = clock.time
    clock.time = lambda: before() + seconds


async def history(here, session, student):
    path = f"/session/{session}/attendance/{student.id}/history"
    return await here.done(here.maths.teacher, "GET", path)


async def summary(here, socket):
    return (await socket.ask("TODAY_SUMMARY"))["data"]


async def settled(here, eventually, excuse):
    async def is_settled():
        found = await here.done(here.admin, "GET", f"/excuses/{excuse['_id']}")
        return None if found["applying"] else found

    return await eventually(is_settled)


async def test_absences_become_excused_and_whoever_was_there_stays_present(school):
    here = await school()
    student, mate = here.maths.students
    was_absent, was_there = await here.hold(), await here.hold(s0="present")
    excuse = await here.accepted(student)
    assert (excuse["state"], excuse["excused"], excuse["applying"]) == ("accepted", 1, False)
    assert excuse["unchanged"] == []
    record = await here.record(was_absent, student)
    assert (record["status"], record["via"], record["v"]) == ("excused", "excuse", 2)
    assert (await here.record(was_there, student))["status"] == "present"
    assert (await here.record(was_absent, mate))["status"] == "absent"
    _, change = await history(here, was_absent, student)
    assert (change["from"], change["to"], change["via"]) == ("absent", "excused", "excuse")
    # Histories are read by more people, and for longer, than excuses.
    assert change["reason"] == f"excuse {excuse['_id']}"
    register = await here.done(
        here.maths.teacher,
        "GET",
        f"/class/{here.maths.class_id}/register?from={here.today}&to={here.today}",
    )
    assert "excused" in str(register)


async def test_an_excuse_holds_in_all_classes_of_the_student_and_on_its_days_alone(school):
    here = await school()
    student = here.maths.students[0]
    other = await here.server.person("teacher")
    room = await class_room(here.server, other, [student])
    yesterday = (core(here.server.app).local_day() - timedelta(days=1)).isoformat()
    sessions = {}
    for who, class_id, day in (
        (other, room["_id"], here.today),
        (other, room["_id"], yesterday),
    ):
        body = {"date": day, "records": [{"studentId": student.id, "status": "absent"}]}
        made = await here.done(who, "POST", f"/class/{class_id}/sessions", body)
        sessions[day] = made["_id"]
    excuse = await here.accepted(student)
    assert excuse["excused"] == 1
    for day, status in ((here.today, "excused"), (yesterday, "absent")):
        path = f"/session/{sessions[day]}/attendance/{student.id}"
        assert (await here.done(other, "GET", path))["status"] == status


async def test_what_cannot_be_changed_is_answered_for_itself(school):
    clock = TurnedClock()
    here = await school(clock=clock, token_hours=24 * 30)
    student = here.maths.students[0]
    by_office, old = await here.hold(), await here.hold()
    path = f"/session/{by_office}/attendance/{student.id}"
    body = {"status": "absent", "v": 1, "reason": "seen outside"}
    await here.done(here.admin, "PATCH", path, body)
    excuse = await here.hand_in(student)
    last = (core(here.server.app).local_day() + timedelta(days=8)).isoformat()
    later = await here.hand_in(student, to=last)
    accepted = await here.done(here.maths.teacher, "POST", f"/excuses/{excuse['_id']}/accept")
    assert accepted["unchanged"] == [{"sessionId": by_office, "error": "set by the office"}]
    assert (await here.record(old, student))["status"] == "excused"

    put_forward(clock, 8 * DAY)
    await here.done(here.admin, "PUT", "/admin/record-lock", {"through": here.today})
    locked = await here.done(here.admin, "POST", f"/excuses/{later['_id']}/accept")
    assert locked["unchanged"] == [{"sessionId": by_office, "error": "records are locked"}]
    assert (await here.record(by_office, student))["status"] == "absent"


async def test_the_window_of_teachers_holds_for_excuses_and_not_for_the_office(school):
    clock = TurnedClock()
    here = await school(clock=clock, token_hours=24 * 30)
    student = here.maths.students[0]
    session, day = await here.hold(), here.today
    excuses = [await here.hand_in(student, **{"from": day, "to": day}) for _ in range(2)]
    put_forward(clock, 8 * DAY)
    first = await here.done(here.maths.teacher, "POST", f"/excuses/{excuses[0]['_id']}/accept")
    assert first["unchanged"] == [{"sessionId": session, "error": "too late for teachers"}]
    second = await here.done(here.admin, "POST", f"/excuses/{excuses[1]['_id']}/accept")
    assert (second["excused"], second["unchanged"]) == (1, [])
    assert (await here.record(session, student))["status"] == "excused"


async def test_an_excuse_accepted_beforehand_stands_on_the_roll_call_and_can_be_changed(
    school, eventually
):
    here = await school(students=3)
    student, late, _ = here.maths.students
    await here.accepted(student)
    await here.accepted(late)
    socket = await here.server.socket(here.maths.teacher)
    await here.maths.start()
    await here.server.settled()
    session = await here.maths.session()
    assert session["attendance"] == {student.id: "excused", late.id: "excused"}
    await socket.drain()
    counts = await summary(here, socket)
    assert (counts["present"], counts["absent"]) == (0, 2)
    assert counts["statuses"] == {"present": 0, "absent": 0, "excused": 2}
    document = await here.server.documents["sessions"].find_one({"_id": {"$exists": True}})
    assert document["attendance"][student.id]["via"] == "excuse"
    mark = {"studentId": late.id, "status": "present"}
    assert (await socket.ask("ATTENDANCE_MARKED", mark))["data"] == mark
    done = await socket.ask("DONE")
    assert (done["data"]["present"], done["data"]["absent"]) == (1, 2)
    assert await here.maths.records() == ["excused", "present", "absent"]
    record = await here.record(str(document["_id"]), student)
    assert (record["status"], record["via"], record["v"]) == ("excused", "excuse", 1)


async def test_an_excused_student_whose_mark_is_gone_is_excused_at_the_end(school):
    here = await school()
    student, _ = here.maths.students
    await here.accepted(student)
    socket = await here.server.socket(here.maths.teacher, version=1)
    await here.maths.start()
    await here.server.settled()
    await here.server.documents["sessions"].update_one(
        {"state": "active"}, {"$unset": {f"attendance.{student.id}": ""}}
    )
    await socket.drain()
    await socket.ask("DONE")
    assert await here.maths.records() == ["excused", "absent"]


async def test_a_live_absence_becomes_excused_and_a_live_presence_stays(school):
    here = await school()
    absent, there = here.maths.students
    socket = await here.server.socket(here.maths.teacher)
    await here.maths.start()
    for student, status in ((absent, "absent"), (there, "present")):
        await socket.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": status})
    for student in (absent, there):
        assert (await here.accepted(student))["applying"] is False
    session = await here.maths.session()
    assert session["attendance"] == {absent.id: "excused", there.id: "present"}
    await socket.drain()
    await socket.ask("DONE")
    assert await here.maths.records() == ["excused", "present"]


@pytest.mark.parametrize("round_", range(4))
async def test_an_acceptance_races_the_start_and_the_end_of_a_roll_call(school, eventually, round_):
    here = await school()
    student, mate = here.maths.students
    excuses = [await here.hand_in(one) for one in (student, mate)]

    def accept(excuse):
        return here.done(here.admin, "POST", f"/excuses/{excuse['_id']}/accept")

    socket = await here.server.socket(here.maths.teacher)
    await asyncio.gather(here.maths.start(), accept(excuses[0]))
    await here.server.settled()
    assert (await here.maths.session())["attendance"] == {student.id: "excused"}
    await socket.drain()
    await asyncio.gather(socket.ask("DONE"), accept(excuses[1]))
    for excuse in excuses:
        await settled(here, eventually, excuse)
    assert await here.maths.records() == ["excused", "excused"]


async def test_what_somebody_changes_afterwards_stays(school):
    here = await school()
    student = here.maths.students[0]
    session = await here.hold()
    excuse = await here.accepted(student)
    path = f"/session/{session}/attendance/{student.id}"
    change = {"status": "absent", "v": 2, "reason": "seen in town"}
    await here.done(here.maths.teacher, "PATCH", path, change)
    await again(here, excuse)
    assert (await here.record(session, student))["status"] == "absent"


async def again(here, excuse):
    """Leave an excuse as a process that was killed at once leaves it, and let another finish."""
    documents, key = here.server.documents, ObjectId(excuse["_id"])
    found = await documents["excuses"].find_one({"_id": key})
    order = {"since": found["decidedAt"] - timedelta(minutes=1), "all": True, "sessions": []}
    await documents["excuses"].update_one({"_id": key}, {"$set": {"pending": order}})
    await core(here.server.app).services.get(Applying).finish()
    assert "pending" not in await documents["excuses"].find_one({"_id": key})


async def test_records_that_are_made_after_the_decision_become_excused(school, eventually):
    here = await school()
    student, mate = here.maths.students
    await here.accepted(student)
    body = {
        "date": here.today,
        "records": [{"studentId": one.id, "status": "absent"} for one in (student, mate)],
    }
    added = await here.done(
        here.maths.teacher, "POST", f"/class/{here.maths.class_id}/sessions", body
    )
    await here.server.settled()
    assert (await here.record(added["_id"], student))["status"] == "excused"
    assert (await here.record(added["_id"], mate))["status"] == "absent"


async def test_a_superseded_session_is_finished_with_its_excuses(school):
    here = await school()
    student, _ = here.maths.students
    other = await class_room(here.server, here.maths.teacher, [])
    await here.maths.start()
    await here.done(here.maths.teacher, "POST", "/attendance/start", {"classId": other["_id"]})
    await here.accepted(student)
    path = f"/class/{here.maths.class_id}/sessions"
    (session,) = await here.done(here.maths.teacher, "GET", path)
    await here.done(here.maths.teacher, "POST", f"/session/{session['_id']}/finish")
    assert await here.maths.records() == ["excused", "absent"]


async def test_the_status_of_the_institution_takes_the_place_of_the_plugins_own(school):
    here = await school(extra_plugins=("excuses", "statuses"))
    told = await here.done(here.maths.teacher, "GET", "/attendance/statuses")
    assert [one["code"] for one in told].count("excused") == 1
    assert {"late", "left_early"} <= {one["code"] for one in told}
    student = here.maths.students[0]
    await here.hold()
    assert (await here.accepted(student))["excused"] == 1


async def test_another_status_has_to_be_there(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_EXCUSES_STATUS", "ill")
    with pytest.raises(Exception, match="the status ill is none of present, absent, excused"):
        await serve(extra_plugins=("excuses",))


async def test_clients_know_what_an_excuse_may_be(school):
    here = await school()
    told = (await here.server.api.get("/capabilities")).json()
    assert told["data"]["features"]["excuses"] == {
        "status": "excused",
        "mostBytes": 5 * 1024**2,
        "mostDays": 367,
    }
