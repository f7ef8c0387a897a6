"""Sessions that are listed, entered, cancelled and finished after the event."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from quartapp.testing import TurnedClock
from quartapp_records import SessionAdded, SessionCancelled, SessionFinished
from tests.support.listener import Listener

TODAY = "2027-03-10"


def refusal(answer):
    return answer.status_code, answer.json()["error"]


@pytest.fixture
def listener():
    return Listener(SessionAdded, SessionCancelled, SessionFinished)


@pytest.fixture
async def school(serve, listener):
    """Provide a server on which it is 10 March 2027, ten o'clock in Berlin."""
    clock = TurnedClock(datetime(2027, 3, 10, 9, tzinfo=UTC))
    return await serve(beside=[listener], clock=clock, timezone="Europe/Berlin")


def entered(date, *statuses_of, **more):
    records = [{"studentId": student.id, "status": status} for student, status in statuses_of]
    return {"date": date, "records": records, **more}


async def test_a_roll_call_after_the_event_is_like_any(school, listener, lesson, as_person):
    maths = await lesson(school, students=2)
    teacher, (first, second) = as_person(school, maths.teacher), maths.students
    path = f"/class/{maths.class_id}/sessions"
    body = entered("2027-03-08", (first, "present"), (second, "absent"), note="on paper")
    answer = await teacher.post(path, body)
    assert answer.status_code == 201, answer.text
    session = answer.json()["data"]
    assert (session["date"], session["outcome"], session["startedAt"]) == (
        "2027-03-08",
        "closed",
        None,
    )
    assert (session["note"], session["counts"]["present"], session["counts"]["total"]) == (
        "on paper",
        1,
        2,
    )
    assert await maths.records() == ["present", "absent"]
    corrected = await teacher.correct(session["_id"], second, "present", 1, reason="was there")
    assert corrected.status_code == 200
    # The newest record is that of the latest lesson.
    assert (await teacher.post(path, entered("2027-03-09", (first, "absent")))).is_success
    assert (await teacher.post(path, entered("2027-03-05", (first, "present")))).is_success
    assert await maths.records() == ["absent", "present"]
    await school.settled()
    assert listener.told[0] == SessionAdded(
        session["_id"], maths.class_id, "2027-03-08", maths.teacher.id
    )


async def test_sessions_are_listed_by_date_and_in_pages(school, lesson, held, as_person):
    maths = await lesson(school, students=1)
    teacher, (student,) = as_person(school, maths.teacher), maths.students
    path = f"/class/{maths.class_id}/sessions"
    for date in ("2027-03-09", "2027-03-05", "2027-03-09", "2027-03-07"):
        assert (await teacher.post(path, entered(date, (student, "present")))).is_success
    await held(maths, "present")
    whole = (await teacher.get(path)).json()["data"]
    dates = ["2027-03-05", "2027-03-07", "2027-03-09", "2027-03-09", TODAY]
    assert [one["date"] for one in whole] == dates
    last = whole[-1]
    assert last["startedAt"] == "2027-03-10T09:00:00.000Z"
    assert last["startedBy"]["_id"] == last["endedBy"]["_id"] == maths.teacher.id
    pages, query = [], {"limit": 2}
    while page := (await teacher.get(path, **query)).json()["data"]:
        pages += page
        query["after"] = page[-1]["_id"]
    assert pages == whole
    part = await teacher.get(path, **{"from": "2027-03-07", "to": "2027-03-09"})
    assert part.json()["data"] == whole[1:4]
    assert (await teacher.get(path, after="0" * 24)).json()["data"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from": "2027-03-09", "to": "2027-03-08"}, "from is after to"),
        ({"from": "2027-02-30"}, "Invalid request schema"),
        ({"from": "0000-01-01"}, "Invalid request schema"),
        ({"from": "yesterday"}, "Invalid request schema"),
        ({"to": "2027-3-8"}, "Invalid request schema"),
        ({"to": ""}, "Invalid request schema"),
        ({"limit": 0}, "Invalid request schema"),
        ({"limit": 501}, "Invalid request schema"),
        ({"after": "x"}, "Invalid request schema"),
    ],
)
async def test_unfit_ranges_are_refused(server, lesson, as_person, query, message):
    maths = await lesson(server, students=0)
    teacher = as_person(server, maths.teacher)
    answer = await teacher.get(f"/class/{maths.class_id}/sessions", **query)
    assert refusal(answer) == (400, message)


async def test_the_first_and_the_last_date_are_dates(server, lesson, held, as_person):
    maths = await lesson(server, students=1)
    await held(maths)
    teacher = as_person(server, maths.teacher)
    path = f"/class/{maths.class_id}/sessions"
    everything = await teacher.get(path, **{"from": "0001-01-01", "to": "9999-12-31"})
    assert len(everything.json()["data"]) == 1


async def test_a_cancelled_lesson_has_a_reason_and_no_records(school, listener, lesson, as_person):
    maths = await lesson(school, students=1)
    teacher, path = as_person(school, maths.teacher), f"/class/{maths.class_id}/sessions"
    body = {"date": TODAY, "cancelled": True, "reason": "snow"}
    session = (await teacher.post(path, body)).json()["data"]
    assert (session["outcome"], session["note"], session["records"]) == ("cancelled", "snow", [])
    assert session["counts"]["total"] == 0
    assert await maths.records() == [None]
    refused = await teacher.correct(session["_id"], maths.students[0], "present", 0)
    assert refusal(refused) == (404, "Student not enrolled in class")
    finish = await teacher.post(f"/session/{session['_id']}/finish")
    assert refusal(finish) == (409, "session has nothing to finish")
    await school.settled()
    assert listener.told == [
        SessionCancelled(session["_id"], maths.class_id, TODAY, maths.teacher.id)
    ]


INVALID = (400, "Invalid request schema")
FUTURE = (400, "date is in the future")
NOBODY = {"studentId": "0" * 24, "status": "present"}


def cancelled(date, **more):
    return {"date": date, "cancelled": True, "reason": "x", **more}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (cancelled("2027-03-11"), FUTURE),
        (cancelled("9999-12-31"), FUTURE),
        (cancelled("0001-01-01"), (400, "date is before 1970")),
        (cancelled("2027-03-02"), (403, "Forbidden, too late for teachers")),
        (cancelled(TODAY, reason="x" * 501), INVALID),
        (cancelled(TODAY, cancelled=False), INVALID),
        (cancelled(TODAY, records=[NOBODY]), INVALID),
        ({"date": TODAY, "cancelled": True}, INVALID),
        ({"date": TODAY}, INVALID),
        ({"date": TODAY, "records": []}, INVALID),
        ({"date": TODAY, "records": [NOBODY] * 2}, INVALID),
        ({"date": TODAY, "records": [{**NOBODY, "status": "perhaps"}]}, INVALID),
        ({"date": TODAY, "records": [NOBODY]}, (404, "Student not enrolled in class")),
    ],
)
async def test_unfit_entries_are_refused_and_nothing_is_stored(
    school, lesson, as_person, body, answer
):
    maths = await lesson(school, students=0)
    teacher, path = as_person(school, maths.teacher), f"/class/{maths.class_id}/sessions"
    assert refusal(await teacher.post(path, body)) == answer
    assert (await teacher.get(path)).json()["data"] == []


async def test_who_has_left_the_class_may_have_been_there(school, lesson, held, as_person):
    maths = await lesson(school, students=2)
    await held(maths)
    teacher, (gone, stays) = as_person(school, maths.teacher), maths.students
    await school.api.delete(
        f"/class/{maths.class_id}/students/{gone.id}", headers=maths.teacher.headers
    )
    body = entered("2027-03-09", (gone, "present"), (stays, "absent"))
    answer = await teacher.post(f"/class/{maths.class_id}/sessions", body)
    assert answer.status_code == 201


async def test_a_repeated_entry_with_a_key_is_one_session(school, lesson, as_person):
    maths = await lesson(school, students=1)
    teacher, path = as_person(school, maths.teacher), f"/class/{maths.class_id}/sessions"
    body = entered(TODAY, (maths.students[0], "present"))
    key = {"Idempotency-Key": "the same"}
    first, second = [await teacher.post(path, body, **key) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await teacher.get(path)).json()["data"]) == 1


async def test_finishing_gives_the_unmarked_what_done_would(
    school, listener, lesson, mark, as_person
):
    maths, physics = await lesson(school, students=3), await lesson(school)
    marked, unmarked, other = maths.students
    await maths.start()
    socket = await school.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(marked))
    await physics.start()
    teacher = as_person(school, maths.teacher)
    # Whoever comes after the end of the session was not absent.
    late = await school.person("student")
    await school.api.post(
        f"/class/{maths.class_id}/add-student",
        json={"studentId": late.id},
        headers=maths.teacher.headers,
    )
    (session,) = (await teacher.get(f"/class/{maths.class_id}/sessions")).json()["data"]
    assert (session["outcome"], session["counts"]["total"]) == ("superseded", 1)
    assert session["endedBy"]["_id"] == physics.teacher.id
    path = f"/session/{session['_id']}/finish"
    await teacher.correct(session["_id"], other, "present", 0)
    answers = await asyncio.gather(*(teacher.post(path) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    finished = answers[0].json()["data"]
    assert all(answer.json()["data"] == finished for answer in answers)
    assert finished["finishedBy"]["_id"] == maths.teacher.id
    shown = {one["studentId"]: (one["status"], one["via"]) for one in finished["records"]}
    assert shown == {
        marked.id: ("present", None),
        unmarked.id: ("absent", "unmarked"),
        other.id: ("present", None),
    }
    assert await maths.records() == ["present", "absent", "present"]
    await school.settled()
    assert listener.told == [SessionFinished(session["_id"], maths.class_id, maths.teacher.id)]
    entries = await school.documents["audit"].count_documents(
        {"action": "records.session-finished"}
    )
    assert entries == 1


async def test_a_closed_session_and_one_of_an_unknown_roll_are_not_finished(
    school, lesson, held, as_person
):
    maths = await lesson(school, students=1)
    session, teacher = await held(maths), as_person(school, maths.teacher)
    path = f"/session/{session}/finish"
    assert refusal(await teacher.post(path)) == (409, "session has nothing to finish")
    # As an earlier version has left it.
    await school.documents["sessions"].update_many(
        {}, {"$set": {"outcome": "superseded", "state": "superseded"}}
    )
    assert refusal(await teacher.post(path)) == (409, "roll of the session is unknown")
    await maths.start()
    (live,) = await school.documents["sessions"].find({"state": "active"}).to_list()
    live_path = f"/session/{live['_id']}/finish"
    assert refusal(await teacher.post(live_path)) == (409, "attendance session is active")


async def test_without_transactions_everything_is_the_same(own_mongod, serve, lesson, as_person):
    mongod = await asyncio.to_thread(own_mongod)
    server = await serve(mongodb_uri=mongod.uri)
    assert (await server.documents.client.admin.command("hello")).get("setName") is None
    maths, physics = await lesson(server, students=2), await lesson(server)
    await maths.start()
    await physics.start()
    teacher, (first, second) = as_person(server, maths.teacher), maths.students
    (session,) = (await teacher.get(f"/class/{maths.class_id}/sessions")).json()["data"]
    answers = await asyncio.gather(
        *(teacher.correct(session["_id"], first, "present", 0) for _ in range(10)),
        *(teacher.post(f"/session/{session['_id']}/finish") for _ in range(3)),
    )
    finished = [answer.status_code for answer in answers[10:]]
    assert finished == [200] * 3
    made = [answer.status_code for answer in answers[:10]].count(200)
    # Either a correction or the end was first.
    status = "present" if made else "absent"
    assert made in (0, 1)
    today = {"date": session["date"], "records": [{"studentId": second.id, "status": "present"}]}
    added = await teacher.post(f"/class/{maths.class_id}/sessions", today)
    assert added.status_code == 201, added.text
    corrected = await teacher.correct(added.json()["data"]["_id"], second, "absent", 1)
    assert corrected.status_code == 200, corrected.text
    register = (await teacher.get(f"/class/{maths.class_id}/register")).json()["data"]
    assert {one["studentId"]: one["statuses"] for one in register["students"]} == {
        first.id: [status, None],
        second.id: ["absent", "absent"],
    }
    told = await server.documents["audit"].distinct("action")
    assert {"records.corrected", "records.session-finished", "records.session-added"} <= set(told)
