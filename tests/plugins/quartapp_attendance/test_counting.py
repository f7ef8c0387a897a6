"""TODAY_SUMMARY and DONE count the same marks: those of the students who are on the roll now."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CODES = ("present", "absent", "late", "excused", "left_early")
COUNTS_AS_PRESENT = ("present", "late", "left_early")
STUDENTS = 4
EXAMPLES = 25

students = st.integers(0, STUDENTS - 1)
codes = st.sampled_from(CODES)
steps = st.one_of(
    st.tuples(st.just("mark"), students, codes),
    st.tuples(st.just("clear"), students),
    st.tuples(st.just("rest"), codes),
    st.tuples(st.just("enrol"), students),
    st.tuples(st.just("unenrol"), students),
    st.tuples(st.just("summary")),
)


def tally(marks):
    by_code = Counter(marks)
    present = sum(by_code[code] for code in COUNTS_AS_PRESENT)
    absent = by_code.total() - present
    statuses = {code: by_code[code] for code in CODES}
    return {"present": present, "absent": absent, "total": by_code.total(), "statuses": statuses}


class Room:
    """A class with sockets of its teacher on several servers, which take turns."""

    def __init__(self, servers, lesson, sockets):
        self.servers, self.lesson, self.sockets = servers, lesson, sockets
        self.numbers = count()
        self.roll, self.marks = {student.id for student in lesson.students}, {}

    def counts(self):
        return tally(self.marks[student] for student in self.marks.keys() & self.roll)

    async def ask(self, event, data=None, answer=None):
        """Send a frame by the next server, and return what answers it."""
        number = next(self.numbers)
        socket = self.sockets[number % len(self.sockets)]
        await socket.send(event, data or {}, ref=str(number))
        while (frame := await socket.receive()).get("ref") != str(number) or (
            answer not in (None, frame["event"])
        ):
            pass
        return frame

    async def enrol(self, student):
        server = self.servers[next(self.numbers) % len(self.servers)]
        done = await server.api.post(
            f"/class/{self.lesson.class_id}/add-student",
            json={"studentId": student},
            headers=self.lesson.teacher.headers,
        )
        assert done.status_code in (201, 409), done.text
        self.roll.add(student)

    async def unenrol(self, student):
        server = self.servers[next(self.numbers) % len(self.servers)]
        done = await server.api.delete(
            f"/class/{self.lesson.class_id}/students/{student}",
            headers=self.lesson.teacher.headers,
        )
        assert done.status_code in (200, 404), done.text
        self.roll.discard(student)

    async def mark(self, student, status):
        answer = await self.ask("ATTENDANCE_MARKED", {"studentId": student, "status": status})
        assert (answer["event"] == "ATTENDANCE_MARKED") == (student in self.roll), answer
        if student not in self.roll:
            return
        if status is None:
            self.marks.pop(student, None)
        else:
            self.marks[student] = status

    async def rest(self, status):
        unmarked = self.roll - self.marks.keys()
        answer = await self.ask("MARK_REST", {"status": status}, "MARKED_REST")
        assert answer["data"] == {"marked": len(unmarked)}
        self.marks |= dict.fromkeys(unmarked, status)

    async def summary(self):
        answer = await self.ask("TODAY_SUMMARY")
        assert answer["data"] == self.counts()
        return answer["data"]

    async def begin(self):
        """Begin a session with everybody on the roll, and return its number."""
        for student in self.lesson.students:
            if student.id not in self.roll:
                await self.enrol(student.id)
        self.marks = {}
        await self.lesson.start()
        return (await self.lesson.session())["seq"]

    async def take(self, step):
        kind, *rest = step
        if kind in ("mark", "clear", "enrol", "unenrol"):
            student = self.lesson.students[rest[0]].id
            if kind == "mark":
                await self.mark(student, rest[1])
            elif kind == "clear":
                await self.mark(student, None)
            else:
                await getattr(self, kind)(student)
        else:
            await getattr(self, kind)(*rest)


@pytest.fixture
async def room(serve, lesson):
    """A class on two servers, each with its own picture of the session."""
    servers = [await serve(extra_plugins=("statuses",)) for _ in range(2)]
    maths = await lesson(servers[0], students=STUDENTS)
    sockets = [await server.socket(maths.teacher, version=1) for server in servers]
    return Room(servers, maths, sockets)


@given(taken=st.lists(steps, max_size=12))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_summary_counts_what_done_counts_after_any_steps(room, taken):
    began = await room.begin()
    for step in taken:
        await room.take(step)
    summary = await room.summary()
    done = (await room.ask("DONE"))["data"]
    unmarked = len(room.roll - room.marks.keys())
    assert done["present"] == summary["present"]
    assert done["absent"] == summary["absent"] + unmarked
    assert done["total"] == summary["total"] + unmarked == len(room.roll)
    by_code = {**summary["statuses"], "absent": summary["statuses"]["absent"] + unmarked}
    assert done["statuses"] == by_code
    # Whoever comes back gets the same counts, from every server.
    token = room.lesson.teacher.token
    shown = []
    for server in room.servers:
        back = await server.socket(path=f"/ws?token={token}&since={began}", version=1)
        shown.append([frame for frame in await back.drain() if frame["event"] != "RESUMED"])
        await back.close()
    assert shown[0] == shown[1]
    counted = [frame["data"] for frame in shown[0] if frame["event"] in ("TODAY_SUMMARY", "DONE")]
    assert counted[-2:] == [summary, done]


@pytest.mark.parametrize("options", [("--replSet", "test"), ()], ids=["set", "standalone"])
async def test_mark_of_a_student_who_left_the_roll_is_not_counted_until_they_return(
    own_mongod, serve, lesson, mark, options
):
    mongod = await asyncio.to_thread(own_mongod, *options)
    server = await serve(mongodb_uri=mongod.uri)
    maths = await lesson(server, students=2)
    await maths.start()
    stays, leaves = maths.students
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(leaves))
    await teacher.ask("ATTENDANCE_MARKED", mark(stays, "absent"))
    path = f"/class/{maths.class_id}"
    await server.api.delete(f"{path}/students/{leaves.id}", headers=maths.teacher.headers)
    alone = {"present": 0, "absent": 1, "total": 1}
    assert (await teacher.ask("TODAY_SUMMARY"))["data"] == alone
    assert (await teacher.ask("TODAY_SUMMARY"))["data"] == alone
    await server.api.post(
        f"{path}/add-student", json={"studentId": leaves.id}, headers=maths.teacher.headers
    )
    both = {"present": 1, "absent": 1, "total": 2}
    assert (await teacher.ask("TODAY_SUMMARY"))["data"] == both
    assert (await teacher.ask("DONE"))["data"] == {"message": "Attendance persisted", **both}


async def test_summary_among_marks_of_one_moment_counts_those_before_it(server, lesson, mark):
    maths = await lesson(server, students=3)
    await maths.start()
    gone, first, second = maths.students
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(gone))
    await server.api.delete(
        f"/class/{maths.class_id}/students/{gone.id}", headers=maths.teacher.headers
    )
    for data in (mark(first), None, mark(second), mark(first, "absent"), None):
        await teacher.send("ATTENDANCE_MARKED" if data else "TODAY_SUMMARY", data or {})
    frames = await teacher.drain()
    assert [frame["data"] for frame in frames if frame["event"] == "TODAY_SUMMARY"] == [
        {"present": 1, "absent": 0, "total": 1},
        {"present": 1, "absent": 1, "total": 2},
    ]


async def test_repeated_summary_whose_broadcast_is_no_longer_kept_counts_the_roll(
    server, lesson, mark, monkeypatch
):
    monkeypatch.setattr("quartapp_attendance.live.broadcasts.KEPT_CHARACTERS", 10)
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher, version=1)
    for student in maths.students:
        await teacher.ask("ATTENDANCE_MARKED", mark(student))
    await server.api.delete(
        f"/class/{maths.class_id}/students/{maths.students[0].id}", headers=maths.teacher.headers
    )
    first = await teacher.ask("TODAY_SUMMARY", ref="a")
    assert first["data"] == {"present": 1, "absent": 0, "total": 1}
    assert await teacher.ask("TODAY_SUMMARY", ref="a") == first
