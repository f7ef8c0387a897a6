"""Corrections: what is seen is what is changed, and everything is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from bson import ObjectId

from quartapp.testing import TurnedClock
from quartapp_records import RecordCorrected
from quartapp_records.history import KEPT, MOST
from tests.support.listener import Listener

DAY = 86_400


def refusal(answer):
    return answer.status_code, answer.json()["error"]


async def test_a_correction_shows_everywhere_and_keeps_what_was(serve, lesson, held, as_person):
    listener = Listener(RecordCorrected)
    server = await serve(beside=[listener])
    maths = await lesson(server, students=2)
    session = await held(maths, "present")
    teacher, (first, second) = as_person(server, maths.teacher), maths.students
    before = await teacher.session(session)
    assert {one["studentId"]: (one["status"], one["v"]) for one in before["records"]} == {
        first.id: ("present", 1),
        second.id: ("absent", 1),
    }
    answer = await teacher.correct(
        session, second, "present", 1, reason="came in by the back door", note="late bus"
    )
    assert answer.status_code == 200, answer.text
    record = answer.json()["data"]
    assert (record["status"], record["v"], record["by"]) == ("present", 2, maths.teacher.id)
    assert (record["via"], record["note"], record["office"]) == (None, "late bus", False)
    assert await maths.my_attendance(second) == "present"
    after = await teacher.session(session)
    assert after["counts"] == {"present": 2, "absent": 0, "total": 2, "statuses": {"present": 2}}
    original, change = await teacher.history(session, second)
    assert (original["v"], original["from"], original["to"]) == (1, None, "absent")
    assert original["via"] == "unmarked"
    assert {name: change[name] for name in ("v", "from", "to", "reason", "via")} == {
        "v": 2,
        "from": "absent",
        "to": "present",
        "reason": "came in by the back door",
        "via": None,
    }
    assert change["by"]["_id"] == maths.teacher.id
    await server.settled()
    assert listener.told == [
        RecordCorrected(
            *(session, maths.class_id, second.id), "absent", "present", 2, maths.teacher.id, None
        )
    ]
    entry = await server.documents["audit"].find_one({"action": "records.corrected"})
    assert entry["about"]["student"] == second.id


async def test_of_twenty_corrections_at_once_exactly_one_counts(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    (student,) = maths.students
    answers = await asyncio.gather(
        *(teacher.correct(session, student, "present", 1, reason=f"client {n}") for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    (made,) = [one for one in answers if one.status_code == 200]
    for answer in answers:
        if answer is not made:
            assert refusal(answer) == (409, "record has changed")
            assert answer.json()["current"] == made.json()["data"]
    history = await teacher.history(session, student)
    assert [entry["v"] for entry in history] == [1, 2]


async def test_twenty_first_records_at_once_are_one(server, lesson, held, as_person):
    maths, physics = await lesson(server, students=1), await lesson(server)
    await maths.start()
    await physics.start()
    teacher, (student,) = as_person(server, maths.teacher), maths.students
    (listed,) = (await teacher.get(f"/class/{maths.class_id}/sessions")).json()["data"]
    assert listed["outcome"] == "superseded"
    shown = await teacher.session(listed["_id"])
    assert [(one["status"], one["v"]) for one in shown["records"]] == [(None, 0)]
    answers = await asyncio.gather(
        *(teacher.correct(listed["_id"], student, "present", 0) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert [entry["v"] for entry in await teacher.history(listed["_id"], student)] == [1]


async def test_stale_versions_are_refused(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    (student,) = maths.students
    path = f"/session/{session}/attendance/{student.id}"
    read = await teacher.get(path)
    first = {"status": "present", "v": 1}
    assert (await teacher.patch(path, first, **{"If-Match": read.headers["ETag"]})).is_success
    again = await teacher.patch(path, {**first, "v": 2}, **{"If-Match": read.headers["ETag"]})
    assert refusal(again) == (412, "Precondition Failed")
    stale = await teacher.patch(path, first)
    assert refusal(stale) == (409, "record has changed")
    assert (stale.json()["current"]["status"], stale.json()["current"]["v"]) == ("present", 2)
    now = await teacher.get(path)
    assert now.headers["ETag"] != read.headers["ETag"]
    same = await teacher.get(path)
    assert same.headers["ETag"] == now.headers["ETag"]


async def test_each_of_several_corrections_is_answered_for_itself(server, lesson, held, as_person):
    maths = await lesson(server, students=3)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    one, other, _ = maths.students
    stranger = await server.person("student")
    body = [
        {"studentId": one.id, "status": "present", "v": 1},
        {"studentId": other.id.upper(), "status": "present", "v": 7},
        {"studentId": stranger.id, "status": "present", "v": 0},
        {"studentId": one.id, "status": "absent", "v": 2},
    ]
    answer = await teacher.patch(f"/session/{session}/attendance", {"records": body})
    assert answer.status_code == 200, answer.text
    first, second, third, fourth = answer.json()["data"]
    assert (first["success"], first["record"]["v"]) == (True, 2)
    assert (second["studentId"], second["error"]) == (other.id, "record has changed")
    assert second["current"]["v"] == 1
    assert (third["success"], third["error"]) == (False, "Student not enrolled in class")
    assert (fourth["success"], fourth["record"]["v"]) == (True, 3)


async def test_a_thousand_corrections_do_not_grow_the_record_and_lose_nothing(
    server, lesson, held, as_person
):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    (student,) = maths.students
    changes = MOST * 3
    for v in range(1, changes + 1):
        answer = await teacher.correct(session, student, ("present", "absent")[v % 2], v)
        assert answer.status_code == 200, answer.text
    (record,) = await server.documents["attendance"].find().to_list()
    assert KEPT <= len(record["history"]) <= MOST
    whole = await teacher.history(session, student, limit=500)
    assert [entry["v"] for entry in whole] == list(range(1, changes + 2))
    assert [entry["to"] for entry in whole[:3]] == ["absent", "absent", "present"]
    pages, after = [], 0
    while page := await teacher.history(session, student, limit=7, after=after):
        pages += page
        after = page[-1]["v"]
    assert pages == whole
    older = server.documents["attendance_history"]
    assert await older.count_documents({}) + len(record["history"]) == changes + 1


@pytest.fixture
def dated(serve, lesson, held):
    """Return a function that holds a session on a day, and gives the clock with its server."""

    async def make(students=1):
        clock = TurnedClock(datetime(2027, 3, 1, 10, tzinfo=UTC))
        server = await serve(clock=clock, timezone="Europe/Berlin", token_hours=24 * 30)
        maths = await lesson(server, students=students)
        return clock, server, maths, await held(maths)

    return make


def put_forward(clock, days):
    """Set the time alone, so that no periodic task runs."""
    before = clock.time
    clock.time = lambda: before() + days * DAY


async def test_after_its_day_a_correction_needs_a_reason(dated, as_person):
    clock, server, maths, session = await dated()
    teacher, (student,) = as_person(server, maths.teacher), maths.students
    assert (await teacher.correct(session, student, "present", 1)).status_code == 200
    put_forward(clock, 1)
    bare = await teacher.correct(session, student, "absent", 2)
    assert refusal(bare) == (400, "reason is needed after the day")
    assert bare.json()["errors"][0]["field"] == "reason"
    assert (await teacher.correct(session, student, "absent", 2, reason="a slip")).is_success


async def test_a_teacher_corrects_for_seven_days_and_the_office_afterwards(dated, as_person):
    clock, server, maths, session = await dated()
    teacher, (student,) = as_person(server, maths.teacher), maths.students
    office = as_person(server, await server.person("admin"))
    put_forward(clock, 7)
    assert (await teacher.correct(session, student, "present", 1, reason="x")).is_success
    put_forward(clock, 1)
    late = await teacher.correct(session, student, "absent", 2, reason="x")
    assert refusal(late) == (403, "Forbidden, too late for teachers")
    assert (await office.correct(session, student, "absent", 2, reason="x")).is_success


async def test_what_the_office_set_a_teacher_does_not_change(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, (student,) = await held(maths), maths.students
    office = as_person(server, await server.person("admin"))
    teacher = as_person(server, maths.teacher)
    set_by_office = await office.correct(session, student, "present", 1)
    assert set_by_office.json()["data"]["office"] is True
    refused = await teacher.correct(session, student, "absent", 2)
    assert refusal(refused) == (403, "Forbidden, set by the office")
    # Whatever version the teacher has seen.
    assert (await teacher.correct(session, student, "absent", 1)).status_code == 403
    assert await maths.my_attendance(student) == "present"


async def test_locked_records_are_changed_by_nobody_until_they_are_unlocked(dated, as_person):
    _, server, maths, session = await dated()
    teacher, (student,) = as_person(server, maths.teacher), maths.students
    root = await server.person("admin")
    office = as_person(server, root)
    nothing = {"through": None, "at": None, "by": None}
    assert (await office.get("/admin/record-lock")).json()["data"] == nothing
    locked = await office.put("/admin/record-lock", {"through": "2027-03-01"})
    assert locked.json()["data"]["through"] == "2027-03-01"
    for person in (teacher, office):
        answer = await person.correct(session, student, "present", 1)
        assert refusal(answer) == (403, "Forbidden, records are locked")
    added = {"date": "2027-03-01", "cancelled": True, "reason": "snow"}
    refused = await office.post(f"/class/{maths.class_id}/sessions", added)
    assert refusal(refused) == (403, "Forbidden, records are locked")
    assert (await office.put("/admin/record-lock", {"through": "2027-02-28"})).is_success
    assert (await teacher.correct(session, student, "present", 1)).is_success
    entries = await server.documents["audit"].find({"action": "records.locked"}).to_list()
    assert [(one["before"], one["after"]) for one in entries] == [
        ({"through": None}, {"through": "2027-03-01"}),
        ({"through": "2027-03-01"}, {"through": "2027-02-28"}),
    ]
    assert {one["who"] for one in entries} == {root.id}


async def test_only_who_may_sees_and_changes_records(server, lesson, held, as_person):
    maths, physics = await lesson(server, students=2), await lesson(server, students=1)
    session = await held(maths, "present")
    own, other = maths.students
    stranger = as_person(server, physics.teacher)
    path = f"/session/{session}"
    for refused in (
        await stranger.get(path),
        await stranger.get(f"/class/{maths.class_id}/sessions"),
        await stranger.get(f"{path}/attendance/{own.id}/history"),
        await stranger.correct(session, own, "absent", 1),
        await stranger.post(f"{path}/finish"),
        await stranger.patch(
            f"{path}/attendance", {"records": [{"studentId": own.id, "status": "absent", "v": 1}]}
        ),
    ):
        assert refusal(refused) == (403, "Forbidden, not class teacher")
    student = as_person(server, own)
    shown = await student.session(session)
    assert [one["studentId"] for one in shown["records"]] == [own.id]
    assert (await student.get(f"{path}/attendance/{own.id}")).status_code == 200
    assert refusal(await student.get(f"{path}/attendance/{other.id}")) == (
        404,
        "Student not enrolled in class",
    )
    for refused in (
        await student.correct(session, own, "present", 1),
        await student.get(f"{path}/attendance/{own.id}/history"),
    ):
        assert refusal(refused) == (403, "Forbidden, teacher access required")
    outside = as_person(server, physics.students[0])
    assert refusal(await outside.get(path)) == (404, "Session not found")
    office = as_person(server, await server.person("admin"))
    assert len((await office.session(session))["records"]) == 2


async def test_what_does_not_exist_is_not_found(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    stranger = await server.person("student")
    gone = await teacher.correct(session, stranger, "present", 0)
    assert refusal(gone) == (404, "Student not enrolled in class")
    for session_id in ("x", "0" * 24):
        answer = await teacher.get(f"/session/{session_id}")
        assert refusal(answer) == (404, "Session not found")
    live = await lesson(server, students=1, teacher=maths.teacher)
    await live.start()
    (running,) = await server.documents["sessions"].find({"state": "active"}).to_list()
    answer = await teacher.get(f"/session/{running['_id']}")
    assert refusal(answer) == (409, "attendance session is active")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "perhaps", "v": 1},
        {"status": "present"},
        {"status": "present", "v": True},
        {"status": "present", "v": -1},
        {"status": "present", "v": 2**40},
        {"status": "present", "v": 1.5},
        {"status": "present", "v": 1, "reason": ""},
        {"status": "present", "v": 1, "reason": "x" * 60_000},
        {"status": "present", "v": 1, "reason": None},
        {"status": "present", "v": 1, "minutesLate": 9999},
    ],
)
async def test_unfit_corrections_are_refused_and_change_nothing(
    server, lesson, held, as_person, body
):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    (student,) = maths.students
    answer = await teacher.patch(f"/session/{session}/attendance/{student.id}", body)
    assert refusal(answer) == (400, "Invalid request schema")
    assert [entry["v"] for entry in await teacher.history(session, student)] == [1]


async def test_any_text_is_kept_as_it_is(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    (student,) = maths.students
    reasons = ["$status", "a\x00b", "{$ne: 1}", "ü" * 500]
    for v, reason in enumerate(reasons, 1):
        answer = await teacher.correct(session, student, "present", v, reason=reason, note=reason)
        assert answer.json()["data"]["note"] == reason
    assert [one["reason"] for one in (await teacher.history(session, student))[1:]] == reasons
    removed = await teacher.correct(session, student, "present", 5, note=None)
    assert removed.json()["data"]["note"] is None


async def test_records_without_a_version_are_those_of_version_1(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    # As a server of an earlier version stores it, beside this one.
    await server.documents["attendance"].update_many({}, {"$unset": {"v": ""}})
    await server.documents["sessions"].update_many({}, {"$unset": {"date": ""}})
    assert (await teacher.session(session))["records"][0]["v"] == 1
    assert (await teacher.correct(session, maths.students[0], "present", 1)).is_success


async def test_deletion_of_a_class_takes_the_histories_with_it(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    session, teacher = await held(maths), as_person(server, maths.teacher)
    for v in range(1, MOST + 2):
        await teacher.correct(session, maths.students[0], "present", v)
    older = server.documents["attendance_history"]
    assert await older.count_documents({"classId": ObjectId(maths.class_id)}) > 0
    gone = await server.api.delete(
        f"/class/{maths.class_id}?records=delete", headers=maths.teacher.headers
    )
    assert gone.status_code == 200
    assert await older.count_documents({}) == 0
    assert refusal(await teacher.get(f"/session/{session}")) == (404, "Session not found")
