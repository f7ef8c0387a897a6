"""Coming back with ``since``: what was missed, in order, and then what happens."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import core
from quartapp_attendance.live.sessions import LiveSessions

NO_SESSION = {"event": "ERROR", "data": {"message": "No active attendance session"}}
STATUSES = ("present", "absent")
# The slower the machine, the more come back during a roll call, and each is sent all of it.
CROWD = 50


@pytest.fixture
def back():
    """Return a function that reconnects: ``await back(client, person, since)``."""

    async def come(client, person, since):
        return await client.socket(person, path=f"/ws?token={person.token}&since={since}")

    return come


async def marked(teacher, marks):
    """Return the frames of ``marks``."""
    return [await teacher.ask("ATTENDANCE_MARKED", data) for data in marks]


async def test_missed_broadcasts_come_in_order_before_new_ones(server, lesson, mark, back):
    maths = await lesson(server, students=3)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await marked(teacher, [mark(maths.students[0])])
    known = (await maths.session())["seq"]
    missed = await marked(teacher, [mark(maths.students[2]), mark(maths.students[1], "absent")])
    missed.append(await teacher.ask("TODAY_SUMMARY"))
    missed += await marked(teacher, [mark(maths.students[2], "absent")])
    for person in (maths.teacher, *maths.students):
        returned = await back(server, person, known)
        assert [await returned.receive() for _ in missed] == missed
        (live,) = await marked(
            teacher, [mark(person if person in maths.students else maths.students[0])]
        )
        assert await returned.receive() == live
        missed.append(live)
        assert await returned.drain() == []


async def test_since_of_the_last_broadcast_brings_nothing(server, lesson, mark, back):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await marked(teacher, [mark(maths.students[0])])
    returned = await back(server, maths.students[0], (await maths.session())["seq"])
    assert await returned.drain() == []


async def test_socket_without_since_gets_nothing(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    await marked(await server.socket(maths.teacher), [mark(maths.students[0])])
    assert await (await server.socket(maths.students[0])).drain() == []


async def test_since_0_is_everything_from_the_start(server, lesson, mark, back):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    shown = await marked(teacher, [mark(student) for student in maths.students])
    returned = await back(server, maths.students[0], 0)
    assert await returned.drain() == shown


async def test_the_end_of_a_session_can_be_missed_too(server, lesson, mark, back):
    maths = await lesson(server, students=2)
    await maths.start()
    known = (await maths.session())["seq"]
    teacher = await server.socket(maths.teacher)
    missed = await marked(teacher, [mark(maths.students[0])])
    await teacher.send("DONE")
    missed.append(await teacher.receive())
    for person in (maths.teacher, *maths.students):
        returned = await back(server, person, known)
        assert await returned.drain() == missed
    assert missed[-1]["event"] == "DONE"


async def test_since_of_a_superseded_session_brings_the_state(server, lesson, mark, back):
    maths = await lesson(server, students=2)
    await maths.start()
    known = (await maths.session())["seq"]
    physics = await lesson(server, students=1, teacher=maths.teacher)
    await physics.start()
    teacher = await server.socket(maths.teacher)
    await marked(teacher, [mark(physics.students[0])])
    session = await maths.session()
    returned = await back(server, maths.teacher, known)
    del session["className"]
    assert await returned.drain() == [{"event": "SESSION_STATE", "data": session}]


async def test_too_old_since_brings_the_state_that_the_person_may_see(
    server, lesson, mark, back, monkeypatch
):
    monkeypatch.setattr("quartapp_attendance.live.broadcasts.KEPT_CHARACTERS", 1000)
    maths = await lesson(server, students=3)
    await maths.start()
    known = (await maths.session())["seq"]
    teacher = await server.socket(maths.teacher)
    students = maths.students[:2] * 10
    for status in STATUSES:
        await marked(teacher, [mark(student, status) for student in students])
    session = await maths.session()
    seen = {
        maths.teacher: session["attendance"],
        maths.students[0]: {maths.students[0].id: "absent"},
        maths.students[2]: {},
    }
    for person, attendance in seen.items():
        returned = await back(server, person, known)
        (state,) = await returned.drain()
        assert state["event"] == "SESSION_STATE"
        assert state["data"] == {
            "classId": maths.class_id,
            "startedAt": session["startedAt"],
            "seq": session["seq"],
            "attendance": attendance,
        }
        near = await back(server, person, session["seq"] - 3)
        assert len(await near.drain()) == 3


async def test_since_from_before_a_restart_brings_the_state(serve, lesson, mark, back):
    one = await serve()
    maths = await lesson(one, students=1)
    await maths.start()
    began = (await maths.session())["seq"]
    await marked(await one.socket(maths.teacher), [mark(maths.students[0])])
    other = await serve()
    late = await back(other, maths.teacher, began)
    (state,) = await late.drain()
    assert state["data"]["attendance"] == {maths.students[0].id: "present"}
    assert await (await back(other, maths.teacher, state["data"]["seq"])).drain() == []
    # What happens from now on, this one knows as well.
    (missed,) = await marked(await one.socket(maths.teacher), [mark(maths.students[0], "absent")])
    # It may hear of it when the socket is there already: then it is not missed, and comes once too.
    returned = await back(other, maths.teacher, state["data"]["seq"])
    assert await returned.receive() == missed
    assert await returned.drain() == []


@pytest.mark.parametrize("since", ["", "-1", "1.5", "x", "1e3", "1" * 17, "%D9%A1"])
async def test_since_without_a_number_is_refused(server, lesson, mark, back, since):
    maths = await lesson(server, students=1)
    await maths.start()
    returned = await back(server, maths.teacher, since)
    refused = {"event": "ERROR", "data": {"message": "Invalid message format"}}
    assert await returned.receive() == refused
    assert await marked(returned, [mark(maths.students[0])])


async def test_since_without_a_session_is_told_so(server, lesson, mark, back):
    maths = await lesson(server, students=1)
    outsider = await server.person("student")
    assert await (await back(server, maths.teacher, 1)).drain() == [NO_SESSION]
    await maths.start()
    assert await (await back(server, outsider, 1)).drain() == [NO_SESSION]


async def test_wait_for_a_number_that_never_comes_ends_and_is_forgotten(server, lesson, back):
    maths = await lesson(server, students=1)
    await maths.start()
    returned = await back(server, maths.teacher, 9_999_999_999_999_999)
    (state,) = await returned.drain()
    assert state["event"] == "SESSION_STATE"
    (session,) = core(server.app).services.get(LiveSessions)
    assert session._waiting == []


async def test_reconnecting_crowd_has_no_gap_and_no_double(server, lesson, mark, back):
    maths = await lesson(server, students=5)
    await maths.start()
    known = (await maths.session())["seq"]
    teacher = await server.socket(maths.teacher)
    marks = [mark(maths.students[n % 5], STATUSES[n // 5 % 2]) for n in range(300)]

    async def call():
        for data in marks:
            await teacher.send("ATTENDANCE_MARKED", data)
        return [await teacher.receive() for _ in marks]

    calling = asyncio.create_task(call())
    returned = []
    while not calling.done() and len(returned) < CROWD:
        returned.append(await back(server, maths.students[0], known))
    shown = await calling
    assert len(returned) > 3
    for socket in returned:
        assert await socket.drain() == shown


async def test_in_scope_class_the_session_started_last_is_meant(
    serve, lesson, mark, back, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")
    server = await serve()
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1, teacher=maths.teacher)
    await maths.start()
    known = (await maths.session())["seq"]
    await physics.start()
    teacher = await server.socket(maths.teacher)
    missed = await marked(teacher, [{**mark(maths.students[0]), "classId": maths.class_id}])
    assert await (await back(server, maths.students[0], known)).drain() == missed
    (state,) = await (await back(server, maths.teacher, known)).drain()
    assert state["data"]["classId"] == physics.class_id
