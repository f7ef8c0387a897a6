"""Marks with a condition, and marks that are taken back: what the update itself decides."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import core
from quartapp_attendance import AttendanceService, ConflictError, Mark
from quartapp_attendance.live.sessions import LiveSessions


class Roll:
    """A live session, marked through the service of one server."""

    def __init__(self, server, lesson):
        parts = core(server.app)
        self.service = parts.services.get(AttendanceService)
        self.live = parts.services.get(LiveSessions)
        self.teacher, self.students = lesson.teacher, lesson.students

    @property
    def session(self):
        (session,) = self.live
        return session

    async def mark(self, number, status, *expected):
        made = Mark(self.students[number].id, status, self.teacher.id)
        await self.service.mark(self.session, made, *expected)


@pytest.fixture
async def roll(server, lesson):
    maths = await lesson(server, students=3)
    await maths.start()
    return Roll(server, maths)


def told(student, status):
    return {"event": "ATTENDANCE_MARKED", "data": {"studentId": student.id, "status": status}}


@pytest.mark.parametrize("before", [None, "present", "absent"])
@pytest.mark.parametrize("expected", [None, "present", "absent"])
@pytest.mark.parametrize("status", [None, "present", "absent"])
async def test_mark_is_stored_exactly_when_its_condition_holds(roll, before, expected, status):
    if before is not None:
        await roll.mark(0, before)
    if before == expected:
        await roll.mark(0, status, expected)
    else:
        with pytest.raises(ConflictError) as refused:
            await roll.mark(0, status, expected)
        assert refused.value.current == before
    after = status if before == expected else before
    assert roll.session.attendance.get(roll.students[0].id) == after


async def test_failed_condition_holds_up_nobody_else(roll, server):
    socket = await server.socket(roll.students[2])
    await roll.mark(0, "present")
    (first,) = [await socket.receive()]
    results = await asyncio.gather(
        roll.mark(0, "absent", "absent"),
        roll.mark(1, "present", None),
        roll.mark(2, "absent"),
        roll.mark(2, None, "absent"),
        roll.mark(1, "absent", "absent"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        ConflictError,
        type(None),
        type(None),
        type(None),
        ConflictError,
    ]
    assert [results[0].current, results[4].current] == ["present", "present"]
    assert first == told(roll.students[0], "present")
    assert await socket.drain() == [
        told(roll.students[1], "present"),
        told(roll.students[2], "absent"),
        told(roll.students[2], None),
    ]


async def test_conditional_marks_of_many_students_are_one_update(roll, server):
    before = roll.session.seq
    await asyncio.gather(*(roll.mark(number, "present", None) for number in range(3)))
    stored = await server.documents["sessions"].find_one({"_id": roll.session.id})
    assert [entry["studentId"] for entry in stored["signal"]["entries"]] == [
        student.id for student in roll.students
    ]
    assert stored["seq"] == roll.session.seq == before + 3


async def test_of_many_who_expect_the_same_one_succeeds(serve, lesson):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=1)
    await maths.start()
    await other.socket(maths.teacher)
    rolls = [Roll(server, maths) for server in (one, other)]
    for round_ in range(10):
        status, before = (("present", None), (None, "present"))[round_ % 2]
        results = await asyncio.gather(
            *(roll.mark(0, status, before) for roll in rolls * 5), return_exceptions=True
        )
        assert results.count(None) == 1
        refusals = [result for result in results if isinstance(result, ConflictError)]
        assert [refusal.current for refusal in refusals] == [status] * 9


async def test_mark_that_was_taken_back_never_was(roll, server, lesson):
    teacher = await server.socket(roll.teacher)
    await roll.mark(0, "present")
    await roll.mark(1, "present")
    await roll.mark(0, None)
    await roll.mark(2, None)
    await teacher.drain()
    assert (await teacher.ask("TODAY_SUMMARY"))["data"] == {"present": 1, "absent": 0, "total": 1}
    student = await server.socket(roll.students[0])
    assert (await student.ask("MY_ATTENDANCE"))["data"] == {"status": "not yet updated"}
    await teacher.ask("DONE")
    records = await server.documents["attendance"].find().to_list()
    assert {str(record["studentId"]): record.get("via") for record in records} == {
        roll.students[0].id: "unmarked",
        roll.students[1].id: None,
        roll.students[2].id: "unmarked",
    }


async def test_process_that_missed_a_clear_shows_it(roll, server):
    socket = await server.socket(roll.students[1])
    await roll.mark(0, "present")
    await socket.receive()
    # As a process finds the document whose stream had a gap.
    await server.documents["sessions"].update_one(
        {"_id": roll.session.id},
        {"$unset": {f"attendance.{roll.students[0].id}": ""}, "$inc": {"seq": 2}},
    )
    assert await socket.receive() == told(roll.students[0], None)
    assert roll.session.attendance == {}
