"""Frames that one socket sends without waiting for answers."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import hookimpl
from quartapp_attendance import Violation
from quartapp_attendance.live import references
from quartapp_attendance.live.entries import EntryWriter

STATUSES = ("present", "absent")
MARKED = "ATTENDANCE_MARKED"


class Asked:
    """Notes what it is asked about each mark; a test decides about some answers."""

    name = "asked"
    messages = ("not this one",)

    def __init__(self):
        self.calls = []
        self.inside = 0
        self.overlapped = False
        self.slow = set()
        self.refused = set()
        self.halted = asyncio.Event()
        self.released = asyncio.Event()

    @hookimpl
    async def check_mark(self, session, student_id, mark, before):
        self.calls.append((student_id, mark.status, before and before.status))
        self.inside += 1
        self.overlapped |= self.inside > 1
        try:
            if len(self.calls) in self.slow:
                self.halted.set()
                await self.released.wait()
            if len(self.calls) in self.refused:
                return Violation("not this one")
            return None
        finally:
            self.inside -= 1


class Gate:
    """Holds up the writes of the log until a test lets them go on."""

    def __init__(self, monkeypatch):
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.batches = []
        written = EntryWriter._write

        async def write(writer, session, batch):
            self.reached.set()
            await self.open.wait()
            self.batches.append([waiting.mark.status for waiting in batch if waiting.mark])
            await written(writer, session, batch)

        monkeypatch.setattr(EntryWriter, "_write", write)


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def gate(monkeypatch):
    return Gate(monkeypatch)


@pytest.fixture
async def room(server, lesson):
    maths = await lesson(server, students=3)
    await maths.start()
    return maths


def in_turn(students, count):
    """Return data of marks of which each differs from the student's last one."""
    size = len(students)
    return [
        {"studentId": students[n % size].id, "status": STATUSES[n // size % 2]}
        for n in range(count)
    ]


def last_of(marks):
    return {mark["studentId"]: mark["status"] for mark in marks if mark["status"]}


async def send_all(socket, marks, *, ref=False):
    for number, data in enumerate(marks):
        await socket.send(MARKED, data, **({"ref": str(number)} if ref else {}))


async def test_many_marks_of_few_students_are_stored_in_their_order(server, room):
    teacher, (student, *_) = await room.sockets()
    marks = in_turn(room.students, 1000)
    await send_all(teacher, marks)
    assert [frame["data"] for frame in await teacher.drain()] == marks
    assert [frame["data"] for frame in await student.drain()] == marks
    assert (await room.session())["attendance"] == last_of(marks)


async def test_marks_are_in_order_on_a_standalone_mongod(own_mongod, serve, lesson):
    mongod = await asyncio.to_thread(own_mongod)
    server = await serve(mongodb_uri=mongod.uri)
    maths = await lesson(server, students=3)
    await maths.start()
    teacher, (student, *_) = await maths.sockets()
    marks = in_turn(maths.students, 200)
    await send_all(teacher, marks)
    assert [frame["data"] for frame in await teacher.drain()] == marks
    assert [frame["data"] for frame in await student.drain()] == marks
    assert (await maths.session())["attendance"] == last_of(marks)


async def test_a_mark_taken_back_in_between_is_taken_back(server, room):
    teacher = await server.socket(room.teacher, version=1)
    one, other, _ = (student.id for student in room.students)
    sent = [(one, "present"), (other, "absent"), (one, None), (other, None), (one, "absent")] * 9
    marks = [{"studentId": student, "status": status} for student, status in sent]
    await send_all(teacher, marks, ref=True)
    frames = await teacher.drain()
    assert [(frame["data"], frame["ref"]) for frame in frames] == [
        (data, str(number)) for number, data in enumerate(marks)
    ]
    first = frames[0]["seq"]
    assert [frame["seq"] for frame in frames] == list(range(first, first + len(marks)))
    assert (await room.session())["attendance"] == {one: "absent"}


async def test_marks_of_one_socket_are_one_update(server, room, gate):
    teacher = await server.socket(room.teacher)
    marks = in_turn(room.students, 9)
    await teacher.send(MARKED, marks[0])
    await gate.reached.wait()
    await send_all(teacher, marks[1:])
    # What is sent after them is refused at once, and is answered after them.
    await teacher.connection.send("no JSON")
    watching = await server.socket(room.students[0])
    await watching.drain()
    gate.open.set()
    assert [frame["data"] for frame in [await teacher.receive() for _ in marks]] == marks
    assert (await teacher.receive())["data"] == {"message": "Invalid message format"}
    stored = [status for batch in gate.batches for status in batch]
    assert stored == [mark["status"] for mark in marks]
    assert len(gate.batches) < len(marks)


async def test_refusals_come_in_order_with_the_number_before_them(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    stranger = await server.person("student")
    one, other, third = room.students
    sent = [
        mark(one),
        {**mark(other), "if": "absent"},
        mark(stranger),
        {"studentId": one.id, "status": "no status"},
        {**mark(one, "absent"), "if": "present"},
        {**mark(third), "if": None},
        {**mark(third), "if": None},
    ]
    await send_all(teacher, sent, ref=True)
    frames = await teacher.drain()
    refused = [(f["ref"], f["data"]) for f in frames if f["event"] == "ERROR"]
    assert refused == [
        ("1", {"message": "Conflict", "current": None}),
        ("2", {"message": "Student not enrolled in class"}),
        ("3", {"message": "Invalid message format"}),
        ("6", {"message": "Conflict", "current": "present"}),
    ]
    # What is shown with its reference is an answer too.
    assert [frame["ref"] for frame in frames] == [str(number) for number in range(len(sent))]
    seen = 0
    for frame in frames:
        if frame["event"] == "ERROR" and "seq" in frame:
            assert frame["seq"] == seen
        elif "seq" in frame:
            seen = frame["seq"]


async def test_plugins_see_marks_in_order_each_with_the_one_before(serve, asked, lesson):
    server = await serve(beside=[asked])
    maths = await lesson(server, students=3)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    asked.slow, asked.refused = {2}, {4}
    marks = in_turn(maths.students, 12)
    await send_all(teacher, marks)
    one, two, three = (student.id for student in maths.students)
    await asked.halted.wait()
    assert asked.calls == [(one, "present", None), (two, "present", None)]
    asked.released.set()
    frames = await teacher.drain()
    shown = [frame["data"] for frame in frames if frame["event"] == MARKED]
    assert shown == marks[:3] + marks[4:]
    assert [f["data"] for f in frames if f["event"] == "ERROR"] == [{"message": "not this one"}]
    assert not asked.overlapped
    assert asked.calls == [
        (one, "present", None),
        (two, "present", None),
        (three, "present", None),
        (one, "absent", "present"),  # refused
        (two, "absent", "present"),
        (three, "absent", "present"),
        (one, "present", "present"),
        (two, "present", "absent"),
        (three, "present", "absent"),
        (one, "absent", "present"),
        (two, "absent", "present"),
        (three, "absent", "present"),
    ]


async def test_a_summary_and_the_end_in_between_count_what_came_before(server, room, mark):
    teacher, _ = await room.sockets()
    one, other, _ = room.students
    await teacher.send(MARKED, mark(one))
    await teacher.send("TODAY_SUMMARY")
    await teacher.send(MARKED, mark(other))
    await teacher.send(MARKED, mark(other, "absent"))
    await teacher.send("TODAY_SUMMARY")
    await teacher.send(MARKED, mark(other))
    await teacher.send("DONE")
    await teacher.send(MARKED, mark(one, "absent"))
    frames = await teacher.drain()
    assert [frame["event"] for frame in frames] == [
        *(MARKED, "TODAY_SUMMARY", MARKED, MARKED, "TODAY_SUMMARY", MARKED, "DONE", "ERROR")
    ]
    counts = [(f["data"]["present"], f["data"]["absent"]) for f in frames if "total" in f["data"]]
    assert counts == [(1, 0), (1, 1), (2, 1)]
    assert frames[-1]["data"] == {"message": "No active attendance session"}


async def test_marks_of_a_superseded_session_are_made_in_the_next_in_order(
    server, room, lesson, gate
):
    teacher = await server.socket(room.teacher)
    physics = await lesson(server, students=0, teacher=room.teacher)
    for student in room.students:
        path = f"/class/{physics.class_id}/add-student"
        data = {"studentId": student.id}
        added = await server.api.post(path, json=data, headers=room.teacher.headers)
        assert added.status_code == 201
    marks = in_turn(room.students, 14)
    await send_all(teacher, marks)
    await gate.reached.wait()
    await physics.start()
    # These find the new session, and must not come before those that still have to.
    more = in_turn(room.students[:1], 5)
    await send_all(teacher, more)
    gate.open.set()
    assert [frame["data"] for frame in await teacher.drain()] == marks + more
    session = await physics.session()
    assert session["classId"] == physics.class_id
    assert session["attendance"] == last_of(marks + more)


async def test_an_end_in_between_is_the_end_for_refused_marks_too(server, room, mark, gate):
    """What no order explains: an earlier mark comes after the end, and a later one before it."""
    teacher, again = await server.socket(room.teacher), await server.socket(room.teacher)
    stranger = await server.person("student")
    for data in (mark(stranger), mark(room.students[0]), mark(stranger)):
        await teacher.send(MARKED, data)
    await gate.reached.wait()
    await again.send("DONE")
    await again.until("DONE")
    gate.open.set()
    assert [frame["event"] for frame in await teacher.drain()] == ["DONE", *["ERROR"] * 3]
    assert {frame["data"]["message"] for frame in teacher.history[1:]} == {
        "No active attendance session"
    }


async def test_marks_of_a_socket_that_left_are_stored(server, room, gate, eventually):
    teacher = await server.socket(room.teacher)
    watching = await server.socket(room.students[0])
    marks = in_turn(room.students, 16)
    await send_all(teacher, marks)
    await gate.reached.wait()
    await teacher.close()
    gate.open.set()
    assert [(await watching.receive())["data"] for _ in marks] == marks

    async def no_task_is_left():
        return not [task for task in asyncio.all_tasks() if "Turns" in str(task.get_coro())]

    await eventually(no_task_is_left)


async def test_a_frame_sent_twice_in_a_burst_is_applied_once(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    one, other, _ = room.students
    sent = [(mark(one), "a"), (mark(other), "b"), (mark(one), "a"), (mark(other, "absent"), "b")]
    for data, ref in sent * 2:
        await teacher.send(MARKED, data, ref=ref)
    frames = await teacher.drain()
    first, second, *again = frames
    assert (first["data"], second["data"]) == (mark(one), mark(other))
    assert second["seq"] == first["seq"] + 1
    assert again == [first, second] * 3
    (stored,) = await server.documents["sessions"].find().to_list()
    assert stored["refCount"] == 2


async def test_references_that_come_together_are_kept_while_there_is_room(
    server, room, monkeypatch, gate
):
    monkeypatch.setattr(references, "MOST_REFERENCES", 3)
    marks = in_turn(room.students, 7)
    sockets = [await server.socket(room.teacher, version=1) for _ in marks]
    for number, (socket, data) in enumerate(zip(sockets, marks, strict=True)):
        await socket.send(MARKED, data, ref=str(number))
        await gate.reached.wait()
    # Who is answered now has sent after those before.
    watching = await server.socket(room.students[0])
    await watching.drain()
    gate.open.set()
    answers = [frame for socket in sockets for frame in await socket.drain() if "ref" in frame]
    assert len([frame for frame in answers if frame["event"] == MARKED]) == 3
    refused = [frame["data"] for frame in answers if frame["event"] == "ERROR"]
    assert refused == [{"message": "Too many references"}] * 4
