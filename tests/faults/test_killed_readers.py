"""Event streams through kills: nothing is lost, and nothing is told twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp.testing.proc import holder

EVENTS = "/attendance/events"
ROUNDS = 4
MARKS = 60
STUDENTS = 5


class Reader:
    """What a teacher was told by streams, one after the other."""

    def __init__(self, person):
        self._person = person
        self._wanted = 0
        self._has_enough = asyncio.Event()
        self.is_there = asyncio.Event()
        self.stream = None
        self.states = 0
        self.numbers = []
        self.marks = {}
        self.last_id = None

    async def has_read(self, more):
        """Wait until a number of further events has come."""
        self._wanted = len(self.numbers) + more
        self._has_enough.clear()
        await self._has_enough.wait()

    async def read(self, client, up_to=None):
        """Read a stream until it breaks, or up to a number."""
        self.stream = await client.stream(self._person, f"{EVENTS}?since=0", last_id=self.last_id)
        try:
            while up_to is None or self.numbers[-1] < up_to:
                self._take(await self.stream.receive())
                self.last_id = self.stream.last_id
        except EOFError:
            assert up_to is None, "only a kill breaks a stream"
        finally:
            await self.stream.close()

    def _take(self, frame):
        self.is_there.set()
        data = frame["data"]
        if frame["event"] == "SESSION_STATE":
            self.states += 1
            self.marks = dict(data["attendance"])
        elif frame["event"] == "ATTENDANCE_MARKED":
            # Each number comes once, and none is left out.
            assert not self.numbers or frame["seq"] == self.numbers[-1] + 1, frame
            self.marks[data["studentId"]] = data["status"]
        else:
            assert frame["event"] in {"RESUMED", "SESSION_STARTED"}, frame
            return
        self.numbers.append(frame["seq"])
        if len(self.numbers) >= self._wanted:
            self._has_enough.set()


async def all_of_it(process, _):
    """Kill the server and its database, and start both again."""
    await process.kill_all()
    await process.start()


async def worker_of(process, reader):
    """Kill the worker that the reader is connected to."""
    connection = reader.stream.answer.extensions["network_stream"]
    port = int(process.client.url.rpartition(":")[2])
    worker = holder(process.workers, port, connection.get_extra_info("client_addr")[1])
    os.kill(worker, signal.SIGKILL)


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("arguments", "strike"),
    [((), all_of_it), (("--workers", "2"), worker_of)],
    ids=["all-of-it", "a-worker"],
)
async def test_reader_is_told_everything_once_through_kills(
    serve_process, lesson, figures, arguments, strike
):
    seed = figures["seed"] = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - which moment, not which secret
    process = await serve_process(*arguments)
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    reader = Reader(maths.teacher)
    for _ in range(ROUNDS):
        teacher = await process.client.socket(maths.teacher, version=1)
        reader.is_there.clear()
        reading = asyncio.create_task(reader.read(process.client))
        # Else the state of the session could stand for most of the marks.
        await reader.is_there.wait()
        enough = asyncio.create_task(reader.has_read(chance.randrange(1, MARKS)))

        async def send(teacher=teacher):
            for number in range(MARKS):
                data = {
                    "studentId": maths.students[number % STUDENTS].id,
                    "status": chance.choice(("present", "absent")),
                }
                await teacher.send("ATTENDANCE_MARKED", data)

        sending = asyncio.create_task(send())
        await enough
        await strike(process, reader)
        with suppress(ConnectionClosed):
            await sending
        await reading
        await teacher.close()
    answer = await process.client.api.get("/attendance/session", headers=maths.teacher.headers)
    stored = answer.json()["data"]
    assert reader.numbers[-1] <= stored["seq"], "what was told is stored"
    await reader.read(process.client, up_to=stored["seq"])
    assert reader.numbers[-1] == stored["seq"]
    assert reader.marks == stored["attendance"]
    figures["events"] = len(reader.numbers)
    figures["times the session as a whole"] = reader.states
