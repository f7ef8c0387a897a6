"""DONE: once, complete, and nothing after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId


async def test_done_makes_the_unmarked_absent_and_keeps_everything(server, lesson, mark):
    maths = await lesson(server, students=3)
    await maths.start()
    teacher, students = await maths.sockets()
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[1], "absent"))
    done = await teacher.ask("DONE")
    counts = {"present": 1, "absent": 2, "total": 3}
    assert done == {"event": "DONE", "data": {"message": "Attendance persisted", **counts}}
    for student in students:
        assert (await student.drain())[-1] == done
    assert await maths.records() == ["present", "absent", "absent"]
    assert await maths.session() is None


async def test_done_twice_persists_once(server, lesson, session_states):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, (student, _) = await maths.sockets()
    await teacher.send("DONE")
    await teacher.send("DONE")
    assert (await teacher.receive())["event"] == "DONE"
    assert await teacher.receive() == {
        "event": "ERROR",
        "data": {"message": "No active attendance session"},
    }
    assert [frame["event"] for frame in await student.drain()] == ["DONE"]
    assert await server.documents["attendance"].count_documents({}) == 2
    assert await session_states(server) == ["closed"]


async def test_student_who_left_the_roll_keeps_the_record_and_is_not_counted(server, lesson, mark):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    gone = maths.students[0]
    await teacher.ask("ATTENDANCE_MARKED", mark(gone))
    await server.api.delete(
        f"/class/{maths.class_id}/students/{gone.id}", headers=maths.teacher.headers
    )
    done = await teacher.ask("DONE")
    assert done["data"]["total"] == 1
    record = await server.documents["attendance"].find_one({"studentId": ObjectId(gone.id)})
    assert record["status"] == "present"


async def test_a_later_session_decides_my_attendance(server, lesson, mark):
    maths = await lesson(server, students=1)
    teacher = await server.socket(maths.teacher)
    for status in ("present", "absent", "present"):
        await maths.start()
        await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], status))
        await teacher.ask("DONE")
        assert await maths.records() == [status]
    assert await server.documents["attendance"].count_documents({}) == 3


@pytest.mark.parametrize("round_", range(3))
async def test_fifty_done_against_racing_marks_give_one_done_and_no_mark_after(
    server, lesson, mark, round_
):
    maths = await lesson(server, students=5)
    await maths.start()
    markers = [await server.socket(maths.teacher) for _ in range(4)]
    enders = [await server.socket(maths.teacher) for _ in range(5)]
    watcher = await server.socket(maths.students[0])

    async def mark_until_over(socket, number):
        for n in range(60):
            status = "present" if (n + number) % 2 else "absent"
            await socket.send("ATTENDANCE_MARKED", mark(maths.students[n % 5], status))

    async def end(socket):
        # Not before some marks are in, so that there is something to race.
        for _ in range(5 + 10 * round_):
            await socket.receive()
        for _ in range(10):
            await socket.send("DONE")

    await asyncio.gather(
        *(mark_until_over(socket, number) for number, socket in enumerate(markers)),
        *(end(socket) for socket in enders),
    )
    for socket in (*markers, *enders, watcher):
        await socket.drain()

    shown = [frame for frame in watcher.history if frame["event"] != "ERROR"]
    assert [frame["event"] for frame in shown].count("DONE") == 1
    assert shown[-1]["event"] == "DONE"
    for socket in (*markers, *enders):
        assert [frame for frame in socket.history if frame["event"] != "ERROR"] == shown
    refused = [frame for socket in markers for frame in socket.history if frame["event"] == "ERROR"]
    assert {frame["data"]["message"] for frame in refused} <= {"No active attendance session"}
    # Each of the 240 marks was either shown to all or refused to its sender.
    assert len(shown) - 1 + len(refused) == 240

    final = dict.fromkeys((student.id for student in maths.students), "absent")
    for frame in shown[:-1]:
        final[frame["data"]["studentId"]] = frame["data"]["status"]
    assert await maths.records() == [final[student.id] for student in maths.students]
    present = list(final.values()).count("present")
    assert shown[-1]["data"] == {
        "message": "Attendance persisted",
        "present": present,
        "absent": 5 - present,
        "total": 5,
    }


def half_closed(lesson, outcome: str) -> dict[str, object]:
    """Make a session whose process died after the first step of closing."""
    ended = datetime.now(UTC) - timedelta(seconds=30)
    first = ObjectId(lesson.students[0].id)
    teacher = ObjectId(lesson.teacher.id)
    return {
        "_id": ObjectId(),
        "classId": ObjectId(lesson.class_id),
        "teacherId": teacher,
        "slot": "global",
        "state": "closing",
        "outcome": outcome,
        "seq": 3,
        "startedAt": ended - timedelta(minutes=5),
        "endedAt": ended,
        "rollVersion": None,
        "attendance": {str(first): {"status": "present", "at": ended, "by": teacher}},
    }


async def test_the_sweep_finishes_what_was_left_half_closed(server, lesson):
    maths = await lesson(server)
    watcher = await server.socket(maths.students[1])
    await server.documents["sessions"].insert_one(half_closed(maths, "closed"))
    done = await watcher.until("DONE")
    assert done["data"] == {
        "message": "Attendance persisted", "present": 1, "absent": 1, "total": 2
    }  # fmt: skip
    assert await maths.records() == ["present", "absent"]


@pytest.mark.parametrize(
    ("outcome", "records"),
    [
        ("closed", ["present", "absent"]),
        ("superseded", ["present", None]),
        ("expired", ["present", None]),
    ],
)
async def test_the_next_start_finishes_what_was_left_half_closed(
    serve, lesson, eventually, session_states, outcome, records
):
    maths = await lesson(await serve())
    await maths.client.documents["sessions"].insert_one(half_closed(maths, outcome))
    second = await serve()

    async def finished():
        return await session_states(second) == [outcome]

    await eventually(finished)
    assert await maths.records() == records


async def test_a_class_deleted_under_its_session_ends_it(server, lesson, session_states):
    maths = await lesson(server, students=1)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await server.documents["classes"].delete_one({"_id": ObjectId(maths.class_id)})
    done = await teacher.ask("DONE")
    assert done["data"]["total"] == 0
    assert await session_states(server) == ["closed"]
