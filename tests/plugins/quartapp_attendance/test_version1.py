"""Version 1 of frames: references, conditions, and marks for everybody else."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import OutboxEntry, core, hookimpl
from quartapp_attendance import AttendanceMarked, Violation
from quartapp_attendance.live import references
from quartapp_attendance.live.session import ActiveSession
from quartapp_attendance.live.sessions import LiveSessions

CONFLICT = "Conflict"


@pytest.fixture
async def room(server, lesson):
    """A live session of three students."""
    maths = await lesson(server, students=3)
    await maths.start()
    return maths


async def refs_of(server):
    (session,) = await server.documents["sessions"].find().to_list()
    return session.get("refs", {}), session.get("refCount", 0)


def roll_of(lesson):
    return sorted(student.id for student in lesson.students)


async def test_frame_is_applied_once_on_all_servers(serve, lesson, mark):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=1)
    await maths.start()
    sockets = [await server.socket(maths.teacher, version=1) for server in (one, other) * 3]
    watching = await one.socket(maths.students[0])
    for round_ in range(10):
        data = mark(maths.students[0], ("present", "absent")[round_ % 2])
        for socket in sockets:
            await socket.send("ATTENDANCE_MARKED", data, ref=f"round {round_}")
        answers = [
            frame
            for socket in sockets
            for frame in await socket.drain()
            if frame.get("ref") == f"round {round_}"
        ]
        assert answers == [answers[0]] * len(sockets)
        assert answers[0]["data"] == data
        assert await watching.drain() == [{"event": "ATTENDANCE_MARKED", "data": data}]
    assert (await refs_of(one))[1] == 10


async def test_reference_of_another_account_is_another_one(serve, lesson, mark):
    server = await serve(extra_plugins=("checkin",))
    maths = await lesson(server, students=2)
    await maths.start()
    code = await server.api.get("/attendance/checkin-code", headers=maths.teacher.headers)
    teacher = await server.socket(maths.teacher, version=1)
    first = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], "absent"), ref="same")
    student = await server.socket(maths.students[1], version=1)
    data = {"code": code.json()["data"]["code"]}
    checked_in = await student.ask("CHECK_IN", data, ref="same")
    assert checked_in["data"] == mark(maths.students[1])
    assert checked_in["seq"] == first["seq"] + 1
    assert await student.ask("CHECK_IN", data, ref="same") == checked_in
    refused = await student.ask("CHECK_IN", data, ref="other")
    assert refused["data"] == {"message": "You are marked already"}


async def test_refused_frames_leave_no_reference(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    stranger = await server.person("student")
    await teacher.ask("ATTENDANCE_MARKED", mark(stranger), ref="a")
    conflict = {**mark(room.students[0]), "if": "absent"}
    refused = await teacher.ask("ATTENDANCE_MARKED", conflict, ref="b")
    assert refused["data"] == {"message": CONFLICT, "current": None}
    assert await refs_of(server) == ({}, 0)
    assert (await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0]), ref="b"))["ref"] == "b"
    assert (await refs_of(server))[1] == 1


async def test_applied_frame_is_answered_when_it_would_be_refused_by_now(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    first_mark = {**mark(room.students[0]), "if": None}
    first = await teacher.ask("ATTENDANCE_MARKED", first_mark, ref="a")
    assert await teacher.ask("ATTENDANCE_MARKED", first_mark, ref="a") == first
    await server.api.delete(
        f"/class/{room.class_id}/students/{room.students[0].id}", headers=room.teacher.headers
    )
    assert await teacher.ask("ATTENDANCE_MARKED", first_mark, ref="a") == first
    refused = await teacher.ask("ATTENDANCE_MARKED", first_mark, ref="b")
    assert refused["data"]["message"] == "Student not enrolled in class"


async def test_session_keeps_a_limited_amount_of_references(server, room, mark, monkeypatch):
    monkeypatch.setattr(references, "MOST_REFERENCES", 3)
    teacher = await server.socket(room.teacher, version=1)
    frames = [mark(student) for student in room.students]
    for number, data in enumerate(frames):
        await teacher.ask("ATTENDANCE_MARKED", data, ref=str(number))
    full = await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0], "absent"), ref="more")
    assert (full["event"], full["data"]) == ("ERROR", {"message": "Too many references"})
    again = await teacher.ask("ATTENDANCE_MARKED", frames[2], ref="2")
    assert (again["data"], again["ref"]) == (frames[2], "2")
    plain = await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0], "absent"))
    assert plain["data"] == mark(room.students[0], "absent")


async def test_references_go_with_the_session(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0]), ref="a")
    done = await teacher.ask("DONE", ref="z")
    assert (done["event"], done["ref"]) == ("DONE", "z")
    assert await refs_of(server) == ({}, 0)


@pytest.mark.parametrize("earlier", ["ATTENDANCE_MARKED", "MARK_REST", "TODAY_SUMMARY"])
async def test_done_with_the_reference_of_another_frame_ends_nothing(
    server, room, mark, session_states, earlier
):
    sent = {
        "ATTENDANCE_MARKED": mark(room.students[0]),
        "MARK_REST": {"status": "present"},
        "TODAY_SUMMARY": {},
    }
    teacher = await server.socket(room.teacher, version=1)
    watching = await server.socket(room.students[0])
    await teacher.send(earlier, sent[earlier], ref="a")
    first = (await teacher.drain())[-1]
    await watching.drain()
    assert await teacher.ask("DONE", ref="a") == first
    assert await session_states(server) == ["active"]
    assert await watching.drain() == []
    assert (await teacher.ask("DONE", ref="b"))["event"] == "DONE"


async def test_done_has_room_for_its_reference_in_a_full_session(server, room, mark, monkeypatch):
    monkeypatch.setattr(references, "MOST_REFERENCES", 1)
    teacher = await server.socket(room.teacher, version=1)
    await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0]), ref="a")
    done = await teacher.ask("DONE", ref="b")
    assert (done["event"], done["ref"]) == ("DONE", "b")


async def test_summary_with_a_reference_is_shown_once(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    watching = await server.socket(room.students[0])
    summary = await teacher.ask("TODAY_SUMMARY", ref="a")
    await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0]))
    assert await teacher.ask("TODAY_SUMMARY", ref="a") == summary
    assert [frame["event"] for frame in await watching.drain()] == [
        "TODAY_SUMMARY",
        "ATTENDANCE_MARKED",
    ]


async def test_many_references_at_one_moment_keep_their_order(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    watching = await server.socket(room.students[0], version=1)
    sent = [
        mark(room.students[number % 3], ("present", "absent")[number // 3 % 2])
        for number in range(200)
    ]
    for number, data in enumerate(sent):
        await teacher.send("ATTENDANCE_MARKED", data, ref=str(number))
    frames = await teacher.drain()
    assert [frame["ref"] for frame in frames] == [str(number) for number in range(200)]
    assert [frame["data"] for frame in frames] == sent
    first = frames[0]["seq"]
    assert [frame["seq"] for frame in await watching.drain()] == list(range(first, first + 200))


async def test_rest_leaves_marks_of_others_alone(serve, lesson, mark):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=30)
    await maths.start()
    teacher = await one.socket(maths.teacher, version=1)
    colleague = await other.socket(maths.teacher)
    watching = await other.socket(maths.students[0])
    before = (await maths.session())["seq"]

    async def mark_some():
        for student in maths.students[:10]:
            await colleague.send("ATTENDANCE_MARKED", mark(student, "absent"))

    await asyncio.gather(mark_some(), teacher.send("MARK_REST", {"status": "present"}, ref="r"))
    answer = await teacher.until("MARKED_REST")
    await colleague.drain()
    session = await maths.session()
    absent = {student.id for student in maths.students[:10]}
    assert set(session["attendance"]) == set(roll_of(maths))
    assert {who for who, status in session["attendance"].items() if status == "absent"} == absent
    assert 20 <= answer["data"]["marked"] <= 30
    assert session["seq"] == before + 10 + answer["data"]["marked"]
    shown = {}
    frames = await watching.drain()
    for frame in frames:
        shown[frame["data"]["studentId"]] = frame["data"]["status"]
    assert shown == session["attendance"]
    assert len(frames) == session["seq"] - before


async def test_missed_part_of_a_rest_is_sent_again(server, room):
    teacher = await server.socket(room.teacher, version=1)
    before = (await room.session())["seq"]
    await teacher.send("MARK_REST", {"status": "present"})
    together = await teacher.until("ROLL_MARKED")
    token = room.teacher.token
    for known in range(4):
        plain = await server.socket(path=f"/ws?token={token}&since={before + known}")
        assert [frame["data"]["studentId"] for frame in await plain.drain()] == (
            roll_of(room)[known:]
        )
        full = await server.socket(path=f"/ws?token={token}&since={before + known}", version=1)
        assert (await full.drain())[:-1] == ([together] if known < 3 else [])


class Stern:
    """Refuses one student, and makes one late comer absent."""

    name = "stern"

    def __init__(self):
        self.refused = self.late = None
        self.wanted, self.delivered = [], []

    @hookimpl
    def check_mark(self, student_id):
        return Violation("not now") if student_id == self.refused else None

    @hookimpl
    def attendance_status(self, student_id):
        return "absent" if student_id == self.late else None

    @hookimpl
    def outbox_entries(self, event):
        if isinstance(event, AttendanceMarked):
            return [OutboxEntry(kind="stern.mark", key=event.student_id, data={"s": event.status})]
        return []

    @hookimpl
    async def deliver(self, kind, key, data):
        self.delivered.append((key, data["s"]))


async def test_rest_is_answered_with_the_number_of_its_marks_each_time(server, lesson, monkeypatch):
    maths = await lesson(server, students=2)
    await maths.start()
    begun = (await maths.session())["seq"]
    teacher = await server.socket(maths.teacher, version=1)
    again = await server.socket(maths.teacher)
    reached = ActiveSession.reached

    async def overtaken(session, seq):
        """Go on only when the next change has been shown too, as on a busy server."""
        await reached(session, seq)
        await reached(session, begun + 3)

    with monkeypatch.context() as patches:
        patches.setattr(ActiveSession, "reached", overtaken)
        await teacher.send("MARK_REST", {"status": "present"}, ref="r")
        await again.until("ATTENDANCE_MARKED")
        await again.send("TODAY_SUMMARY")
        answer = await teacher.until("MARKED_REST")
    assert answer["seq"] == begun + 2
    assert await teacher.ask("MARK_REST", {"status": "present"}, ref="r") == answer


async def test_rest_asks_plugins_for_each_student(serve, lesson, eventually):
    stern = Stern()
    server = await serve(beside=[stern])
    maths = await lesson(server, students=4)
    await maths.start()
    stern.refused, stern.late, *others = roll_of(maths)
    teacher = await server.socket(maths.teacher, version=1)
    answer = await teacher.ask("MARK_REST", {"status": "present"}, ref="r")
    await teacher.until("MARKED_REST")
    told = [frame for frame in teacher.history if frame["event"] == "ROLL_MARKED"]
    assert answer == told[0]
    assert [frame["data"] for frame in told] == [
        {"status": "absent", "studentIds": [stern.late]},
        {"status": "present", "studentIds": others},
    ]
    assert [frame["seq"] for frame in told] == [told[0]["seq"], told[0]["seq"] + 2]
    assert teacher.history[-1]["data"] == {"marked": 3}

    async def all_delivered():
        return len(stern.delivered) == 3

    await eventually(all_delivered)
    assert sorted(stern.delivered) == sorted(
        [(stern.late, "absent"), *((student, "present") for student in others)]
    )


async def test_since_a_superseded_session_is_told(server, lesson, mark):
    maths = await lesson(server, students=1)
    physics = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    known = (await maths.session())["seq"]
    marked = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await physics.start()
    over = {"event": "ERROR", "data": {"message": "No active attendance session"}}
    token = maths.teacher.token
    for since, frames in ((known, [marked]), (known + 1, [])):
        plain = await server.socket(path=f"/ws?token={token}&since={since}")
        assert await plain.drain() == [*frames, over]
        full = await server.socket(path=f"/ws?token={token}&since={since}", version=1)
        got = await full.drain()
        assert [frame["event"] for frame in got] == [
            *(frame["event"] for frame in frames),
            "SESSION_ENDED",
            "RESUMED",
        ]
        assert got[-2]["data"] == {"outcome": "superseded"}
        assert got[-2]["seq"] == known + 2
    full = await server.socket(path=f"/ws?token={token}&since={known + 2}", version=1)
    assert await full.drain() == [over]


async def test_end_of_a_session_takes_one_number(server, room, mark):
    teacher = await server.socket(room.teacher, version=1)
    last = (await teacher.ask("ATTENDANCE_MARKED", mark(room.students[0])))["seq"]
    assert (await teacher.ask("DONE"))["seq"] == last + 1
    assert list(core(server.app).services.get(LiveSessions)) == []
