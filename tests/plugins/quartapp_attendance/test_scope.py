"""Scope ``class``: sessions side by side, each for its own people."""

from __future__ import annotations

import pytest

from quartapp_classes.testing import class_room


@pytest.fixture(autouse=True)
def _scope_is_class(monkeypatch):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")


async def session_of(lesson, class_id):
    """The session of a class as the teacher sees it; None when there is none."""
    answer = await lesson.client.api.get(
        f"/attendance/session?classId={class_id}", headers=lesson.teacher.headers
    )
    return answer.json()["data"] if answer.status_code == 200 else None


def events(frames):
    return [frame["event"] for frame in frames]


async def test_sessions_run_side_by_side_and_are_seen_by_their_class_alone(
    server, lesson, mark, session_states
):
    maths, physics = await lesson(server, students=1), await lesson(server, students=1)
    await maths.start()
    await physics.start()
    assert await session_states(server) == ["active", "active"]
    maths_teacher, (maths_student,) = await maths.sockets()
    physics_teacher, (physics_student,) = await physics.sockets()

    await maths_teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await physics_teacher.ask("TODAY_SUMMARY")
    await maths_teacher.ask("DONE")

    assert events(await maths_student.drain()) == ["ATTENDANCE_MARKED", "DONE"]
    assert events(await physics_student.drain()) == ["TODAY_SUMMARY"]
    assert events(await physics_teacher.drain()) == []
    assert await session_states(server) == ["closed", "active"]


async def test_a_teacher_of_several_names_the_class_or_gets_the_newest(server, lesson, mark):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1, teacher=maths.teacher)
    await maths.start()
    await physics.start()
    teacher = await server.socket(maths.teacher)

    answer = await teacher.ask("ATTENDANCE_MARKED", mark(physics.students[0]))
    assert answer["event"] == "ATTENDANCE_MARKED"
    data = mark(maths.students[0])
    refused = await teacher.ask("ATTENDANCE_MARKED", data)
    assert refused["data"]["message"] == "Student not enrolled in class"
    named = await teacher.ask("ATTENDANCE_MARKED", {**data, "classId": maths.class_id.upper()})
    shown = await session_of(maths, maths.class_id)
    assert named == {
        "event": "ATTENDANCE_MARKED",
        "data": data,
        "classId": maths.class_id,
        "seq": shown["seq"],
    }
    none = await teacher.ask("DONE", {"classId": "0" * 24})
    assert none["data"]["message"] == "No active attendance session"
    done = await teacher.ask("DONE", {"classId": maths.class_id})
    assert done["data"]["present"] == 1
    assert await maths.records() == ["present"]
    assert (await physics.session())["classId"] == physics.class_id


async def test_a_student_of_several_names_the_class_or_gets_the_newest(server, lesson, mark):
    maths = await lesson(server, students=1)
    student = maths.students[0]
    physics_teacher = await server.person("teacher")
    physics = await class_room(server, physics_teacher, [student])
    await maths.start()
    await server.api.post(
        "/attendance/start", json={"classId": physics["_id"]}, headers=physics_teacher.headers
    )
    teacher, socket = await server.socket(maths.teacher), await server.socket(student)
    await teacher.ask("ATTENDANCE_MARKED", mark(student))
    await socket.until("ATTENDANCE_MARKED")
    newest = await socket.ask("MY_ATTENDANCE")
    assert newest["data"] == {"status": "not yet updated"}
    named = await socket.ask("MY_ATTENDANCE", {"classId": maths.class_id})
    assert named["data"] == {"status": "present"}


async def test_a_student_gets_the_newest_before_the_next_change_tells_of_the_roll(
    server, lesson, mark
):
    maths, physics = await lesson(server, students=1), await lesson(server, students=1)
    student = maths.students[0]
    await maths.start()
    await physics.start()
    teacher, socket = await server.socket(maths.teacher), await server.socket(student)
    await teacher.ask("ATTENDANCE_MARKED", mark(student))
    answer = await server.api.post(
        f"/class/{physics.class_id}/add-student",
        json={"studentId": student.id},
        headers=physics.teacher.headers,
    )
    assert answer.status_code == 201
    await socket.until("ATTENDANCE_MARKED")
    assert (await socket.ask("MY_ATTENDANCE"))["data"] == {"status": "not yet updated"}


async def test_roll_changes_decide_the_receivers_of_the_next_broadcast(server, lesson):
    maths = await lesson(server, students=1)
    late = await server.person("student")
    await maths.start()
    teacher, (student,) = await maths.sockets()
    latecomer = await server.socket(late)
    await teacher.ask("TODAY_SUMMARY")
    await server.api.post(
        f"/class/{maths.class_id}/add-student",
        json={"studentId": late.id},
        headers=maths.teacher.headers,
    )
    await server.api.delete(
        f"/class/{maths.class_id}/students/{maths.students[0].id}",
        headers=maths.teacher.headers,
    )
    await teacher.ask("DONE")
    assert events(await latecomer.drain()) == ["DONE"]
    assert events(await student.drain()) == ["TODAY_SUMMARY"]


async def test_frame_of_each_session_names_its_class_and_number(server, lesson, mark):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1, teacher=maths.teacher)
    plain = await server.socket(maths.teacher)
    full = await server.socket(maths.teacher, version=1)
    for started in (maths, physics):
        await started.start()
        told = await full.receive()
        assert told["event"] == "SESSION_STARTED"
        assert told["data"]["classId"] == told["classId"] == started.class_id
    for started in (maths, physics):
        before = (await session_of(maths, started.class_id))["seq"]
        data = {**mark(started.students[0]), "classId": started.class_id}
        frame = await plain.ask("ATTENDANCE_MARKED", data)
        assert (frame["classId"], frame["seq"]) == (started.class_id, before + 1)
        assert await full.receive() == frame
        student = await server.socket(started.students[0])
        own = await student.ask("MY_ATTENDANCE")
        assert (own["classId"], own["seq"]) == (started.class_id, before + 1)


async def test_session_that_is_asked_for_is_never_one_of_another_class(server, lesson):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1, teacher=maths.teacher)
    await physics.start()
    assert (await session_of(maths, physics.class_id))["classId"] == physics.class_id
    assert await session_of(maths, maths.class_id) is None
    await maths.start()
    for each in (maths, physics):
        assert (await session_of(maths, each.class_id))["classId"] == each.class_id


async def test_socket_that_follows_several_classes_resumes_each(server, lesson, mark):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1, teacher=maths.teacher)
    both = (maths, physics)
    for each in both:
        await each.start()
    known = {each.class_id: (await session_of(maths, each.class_id))["seq"] for each in both}
    teacher = await server.socket(maths.teacher, version=1)
    missed = [
        await teacher.ask("ATTENDANCE_MARKED", {**mark(each.students[0]), "classId": each.class_id})
        for each in both
    ]
    since = ",".join(f"{class_id.upper()}:{seq}" for class_id, seq in known.items())
    token = maths.teacher.token
    back = await server.socket(path=f"/ws?token={token}&since={since}", version=1)
    frames = await back.drain()
    assert events(frames) == ["ATTENDANCE_MARKED", "RESUMED"] * 2
    assert frames[::2] == missed
    assert [frame["classId"] for frame in frames[1::2]] == list(known)
    for class_id, told in zip(known, missed, strict=True):
        path = f"/ws?token={token}&since={known[class_id]}&classId={class_id}"
        one = await server.socket(path=path)
        assert await one.drain() == [told]
