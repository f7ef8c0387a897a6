"""A client that sends each frame twice, on connections that break, to servers that are killed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

STUDENTS = 40
# Frames on their way when the connection breaks, at most.
AHEAD = 30


def marks_of(students, count):
    """Marks of which each changes something: with each round over the roll, the other status."""
    return {
        str(number): {
            "studentId": students[number % len(students)].id,
            "status": ("present", "absent")[number // len(students) % 2],
        }
        for number in range(count)
    }


async def send_twice(socket, frames):
    with suppress(ConnectionClosed):
        for ref, data in frames:
            for _ in range(2):
                await socket.send("ATTENDANCE_MARKED", data, ref=ref)


async def read_answers(socket, answers, goal):
    """Read until ``goal`` frames are answered, or the connection breaks; return the repetitions."""
    repeated = 0
    with suppress(ConnectionClosed):
        while len(answers) < goal:
            frame = await socket.receive()
            if "ref" not in frame:
                continue
            assert frame["event"] == "ATTENDANCE_MARKED", frame
            repeated += frame["ref"] in answers
            assert answers.setdefault(frame["ref"], frame) == frame, "the answer of the first time"
    return repeated


@pytest.mark.parametrize(
    ("count", "cuts", "kills"),
    [pytest.param(200, 10, 2, marks=pytest.mark.smoke), (1000, 50, 10)],
    ids=["smoke", "whole"],
)
async def test_frame_sent_twice_is_applied_once_whatever_breaks(
    serve_process, lesson, figures, count, cuts, kills
):
    process = await serve_process(QUARTAPP_WEBSOCKET_RATE="100000")
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    first = (await maths.session())["seq"]
    marks, answers = marks_of(maths.students, count), {}
    chosen = random.Random(count)  # noqa: S311 - no secret
    moments = sorted(chosen.sample(range(1, count), cuts + kills))
    killing = set(chosen.sample(moments, kills))
    repeated = connections = 0
    for goal in (*moments, count):
        while len(answers) < goal:
            socket = await process.client.socket(maths.teacher, version=1)
            connections += 1
            left = [(ref, data) for ref, data in marks.items() if ref not in answers]
            sending = asyncio.create_task(send_twice(socket, left[: goal - len(answers) + AHEAD]))
            repeated += await read_answers(socket, answers, goal)
            if goal in killing and len(answers) >= goal:
                await process.kill()
                await process.start()
            else:
                socket.connection.transport.abort()
            await sending
    session = (
        await process.client.api.get("/attendance/session", headers=maths.teacher.headers)
    ).json()["data"]
    figures["marks, cuts, kills, connections"] = (count, cuts, kills, connections)
    figures["answers that were repeated"] = repeated
    # Each frame has one number, none is missing, and they are in the order of sending.
    assert [answers[ref]["seq"] for ref in marks] == list(range(first + 1, first + count + 1))
    assert [answers[ref]["data"] for ref in marks] == list(marks.values())
    assert session["seq"] == first + count
    assert session["attendance"] == {data["studentId"]: data["status"] for data in marks.values()}
    assert repeated > 0
