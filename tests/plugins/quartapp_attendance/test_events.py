"""The four events, as clients send and see them."""

from __future__ import annotations

import asyncio
import json

import pytest


def error(message: str) -> dict[str, object]:
    return {"event": "ERROR", "data": {"message": message}}


async def test_a_mark_is_shown_to_everybody_connected(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher, (student,) = await maths.sockets()
    stranger = await server.socket(await server.person("student"))
    await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
    shown = {"event": "ATTENDANCE_MARKED", "data": mark(maths.students[0])}
    for socket in (teacher, student, stranger):
        assert await socket.receive() == shown


async def test_an_id_in_capitals_names_the_same_student(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    data = {"studentId": maths.students[0].id.upper(), "status": "absent", "note": "ignored"}
    answer = await teacher.ask("ATTENDANCE_MARKED", data)
    assert answer["data"] == mark(maths.students[0], "absent")


async def test_a_summary_right_after_marks_counts_them(server, lesson, mark):
    maths = await lesson(server, students=3)
    await maths.start()
    teacher, (student, *_) = await maths.sockets()
    first, second, _ = maths.students
    for n in range(1, 6):
        await teacher.send("ATTENDANCE_MARKED", mark(first))
        await teacher.send("ATTENDANCE_MARKED", mark(second, "present" if n % 2 else "absent"))
        await teacher.send("TODAY_SUMMARY")
    frames = await teacher.drain()
    counts = [frame["data"] for frame in frames if frame["event"] == "TODAY_SUMMARY"]
    both = {"present": 2, "absent": 0, "total": 2}
    one = {"present": 1, "absent": 1, "total": 2}
    assert counts == [both, one, both, one, both]
    assert await student.drain() == frames


async def test_frames_of_one_connection_are_handled_in_order(server, lesson, mark):
    maths = await lesson(server, students=4)
    await maths.start()
    teacher, (student, *_) = await maths.sockets()
    sent = [mark(maths.students[n % 4], "present" if n % 3 else "absent") for n in range(100)]
    for data in sent:
        await teacher.send("ATTENDANCE_MARKED", data)
    assert [frame["data"] for frame in await teacher.drain()] == sent
    assert [frame["data"] for frame in await student.drain()] == sent


async def test_all_clients_see_one_order_of_racing_marks(server, lesson, mark):
    maths = await lesson(server, students=3)
    await maths.start()
    teachers = [await server.socket(maths.teacher) for _ in range(4)]
    students = [await server.socket(student) for student in maths.students]

    async def mark_often(socket, offset):
        for n in range(40):
            status = "present" if (n + offset) % 2 else "absent"
            await socket.send("ATTENDANCE_MARKED", mark(maths.students[n % 3], status))

    await asyncio.gather(*(mark_often(socket, n) for n, socket in enumerate(teachers)))
    for socket in teachers:
        await socket.drain()
    for socket in (*teachers, *students):
        await socket.drain()
    orders = [socket.history for socket in (*teachers, *students)]
    assert len(orders[0]) == 160
    assert all(order == orders[0] for order in orders)
    final = {}
    for frame in orders[0]:
        final[frame["data"]["studentId"]] = frame["data"]["status"]
    assert (await maths.session())["attendance"] == final


async def test_my_attendance_answers_the_sender_alone(server, lesson, mark):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, (one, other) = await maths.sockets()
    unmarked = {"event": "MY_ATTENDANCE", "data": {"status": "not yet updated"}}
    assert await one.ask("MY_ATTENDANCE") == unmarked
    await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0], "absent"))
    await one.until("ATTENDANCE_MARKED")
    assert (await one.ask("MY_ATTENDANCE"))["data"] == {"status": "absent"}
    assert [frame["event"] for frame in await other.drain()] == ["ATTENDANCE_MARKED"]


@pytest.mark.parametrize(
    ("role", "text", "message"),
    [
        ("teacher", "not json", "Invalid message format"),
        ("teacher", "", "Invalid message format"),
        ("teacher", "[]", "Invalid message format"),
        ("teacher", '"DONE"', "Invalid message format"),
        ("teacher", b'{"event": "DONE"}', "Invalid message format"),
        ("teacher", b"", "Invalid message format"),
        ("teacher", "{}", "Invalid message format"),
        ("teacher", '{"event": 5}', "Invalid message format"),
        ("teacher", '{"event": "NO_SUCH", "data": []}', "Invalid message format"),
        ("teacher", '{"event": "DONE", "data": null}', "Invalid message format"),
        ("teacher", '{"event": "NO_SUCH"}', "Unknown event"),
        ("teacher", '{"event": "done"}', "Unknown event"),
        ("teacher", '{"event": "ERROR"}', "Unknown event"),
        ("student", '{"event": "DONE"}', "Forbidden, teacher event only"),
        ("student", '{"event": "TODAY_SUMMARY"}', "Forbidden, teacher event only"),
        ("student", '{"event": "ATTENDANCE_MARKED"}', "Forbidden, teacher event only"),
        ("teacher", '{"event": "MY_ATTENDANCE"}', "Forbidden, student event only"),
        ("teacher", '{"event": "ATTENDANCE_MARKED"}', "Invalid message format"),
        ("teacher", '{"event": "DONE", "data": {"classId": "x"}}', "Invalid message format"),
        ("teacher", '{"event": "DONE"}', "No active attendance session"),
        ("teacher", '{"event": "TODAY_SUMMARY", "data": {}}', "No active attendance session"),
        ("student", '{"event": "MY_ATTENDANCE"}', "No active attendance session"),
        ("teacher", '{"event": "DONE", "data": {"a": ' + "[" * 9000 + "]" * 9000 + "}}",
         "Invalid message format"),
        ("teacher", '{"event": "\\ud800"}', "Invalid message format"),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
async def test_a_bad_frame_is_answered_and_the_socket_stays(server, role, text, message):
    socket = await server.socket(await server.person(role))
    await socket.connection.send(text)
    assert await socket.receive() == error(message)
    assert await socket.drain() == []


@pytest.mark.parametrize(
    "data",
    [
        {"status": "present"},
        {"studentId": "0" * 24},
        {"studentId": "zz", "status": "present"},
        {"studentId": 5, "status": "present"},
        {"studentId": "0" * 24, "status": "late"},
        {"studentId": "0" * 24, "status": None},
    ],
    ids=json.dumps,
)
async def test_marks_that_do_not_fit_are_refused_before_the_session_is_asked(server, data):
    teacher = await server.socket(await server.person("teacher"))
    assert await teacher.ask("ATTENDANCE_MARKED", data) == error("Invalid message format")


async def test_only_students_on_the_present_roll_can_be_marked(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    late = await server.person("student")
    assert await teacher.ask("ATTENDANCE_MARKED", mark(late)) == error(
        "Student not enrolled in class"
    )
    await server.api.post(
        f"/class/{maths.class_id}/add-student",
        json={"studentId": late.id},
        headers=maths.teacher.headers,
    )
    assert (await teacher.ask("ATTENDANCE_MARKED", mark(late)))["event"] == "ATTENDANCE_MARKED"
    await server.api.delete(
        f"/class/{maths.class_id}/students/{late.id}", headers=maths.teacher.headers
    )
    assert await teacher.ask("ATTENDANCE_MARKED", mark(late)) == error(
        "Student not enrolled in class"
    )


async def test_a_teacher_acts_on_their_own_session_alone(server, lesson, mark):
    maths = await lesson(server, students=1)
    await maths.start()
    other = await server.socket(await server.person("teacher"))
    refused = error("No active attendance session")
    assert await other.ask("ATTENDANCE_MARKED", mark(maths.students[0])) == refused
    assert await other.ask("DONE") == refused
    stranger = await server.socket(await server.person("student"))
    assert await stranger.ask("MY_ATTENDANCE") == refused
