"""Starting a roll call: again, at once, and in the place of another."""

from __future__ import annotations

import asyncio

import pytest

from quartapp_classes.testing import class_room


async def test_starting_again_leaves_session_and_marks_alone(server, lesson, mark):
    maths = await lesson(server)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    before = await maths.session()

    answer = await server.api.post(
        "/attendance/start", json={"classId": maths.class_id}, headers=maths.teacher.headers
    )

    assert answer.json() == {"success": True, "data": maths.class_room}
    assert await maths.session() == before
    assert before["attendance"] == {maths.students[0].id: "present"}


async def test_a_class_is_started_by_its_name_in_any_case(server):
    teacher = await server.person("teacher")
    made = await class_room(server, teacher, name="Data Structures")
    answer = await server.api.post(
        "/attendance/start", json={"className": " dATA structures "}, headers=teacher.headers
    )
    assert (answer.status_code, answer.json()["data"]["_id"]) == (200, made["_id"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"className": 5}, id="name of another type"),
        pytest.param({"classId": "not an id"}, id="no ObjectId"),
        pytest.param({"className": None}, id="null"),
    ],
)
async def test_a_start_without_a_class_is_invalid(server, body):
    teacher = await server.person("teacher")
    answer = await server.api.post("/attendance/start", json=body, headers=teacher.headers)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request schema"


async def test_class_of_another_teacher_cannot_be_started(server, lesson):
    maths = await lesson(server, students=0)
    other = await server.person("teacher")
    bodies = [
        {"classId": maths.class_id},
        {"className": maths.class_room["className"]},
        {"classId": "0" * 24},
    ]
    for body in bodies:
        answer = await server.api.post("/attendance/start", json=body, headers=other.headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "class not found"), body


async def test_a_start_that_races_starts_gives_one_live_session(server, lesson, session_states):
    maths = await lesson(server, students=0)
    await asyncio.gather(*(maths.start() for _ in range(12)))
    assert await session_states(server) == ["active"]


async def test_racing_starts_of_two_classes_leave_one_live(server, lesson, session_states):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1)
    await asyncio.gather(*(each.start() for each in (maths, physics) * 5))
    states = await session_states(server)
    assert states.count("active") == 1
    assert set(states) <= {"active", "superseded"}
    assert (await maths.session() is None) != (await physics.session() is None)


async def test_a_superseded_session_keeps_its_marks_and_no_others(
    server, lesson, mark, session_states
):
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    teacher, (student, _) = await maths.sockets()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], "absent"))

    await physics.start()

    assert await session_states(server) == ["superseded", "active"]
    assert await maths.records() == ["absent", None]
    assert await physics.records() == [None, None]
    gone = {"event": "ERROR", "data": {"message": "No active attendance session"}}
    assert await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[1])) == gone
    assert [frame["event"] for frame in await student.drain()] == ["ATTENDANCE_MARKED"]


async def test_a_student_sees_their_own_entry_of_the_session_alone(server, lesson, mark):
    maths = await lesson(server, students=2)
    await maths.start()
    began = await maths.session()
    teacher = await server.socket(maths.teacher)
    for student in maths.students:
        await teacher.ask("ATTENDANCE_MARKED", mark(student))
    answer = await server.api.get("/attendance/session", headers=maths.students[1].headers)
    data = answer.json()["data"]
    assert data["attendance"] == {maths.students[1].id: "present"}
    assert data["className"] == maths.class_room["className"]
    assert data["classId"] == maths.class_id
    assert data["seq"] == began["seq"] + 2


async def test_person_without_a_live_session_gets_none(server, lesson):
    maths = await lesson(server)
    await maths.start()
    for stranger in (await server.person("student"), await server.person("teacher")):
        answer = await server.api.get("/attendance/session", headers=stranger.headers)
        assert answer.status_code == 404
        assert answer.json()["error"] == "No active attendance session"


async def test_my_attendance_is_for_the_enrolled(server, lesson):
    maths = await lesson(server, students=1)
    stranger = await server.person("student")
    path = f"/attendance/{maths.class_id}/my-attendance"
    answer = await server.api.get(path, headers=stranger.headers)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "You are not in the class, please contact your professor/admin",
    )
    for path in ("/attendance/no-id/my-attendance", f"/attendance/{'0' * 24}/my-attendance"):
        answer = await server.api.get(path, headers=stranger.headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "Class not found")
