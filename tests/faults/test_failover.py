"""Two servers on one replica set, whose primary goes in the middle of a roll call."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from quartapp.testing import ServerProcess

STUDENTS = 20
RESUME_SECONDS = 5.0
CALM_MARKS = 60


class Watcher:
    """Reads a socket for ever, and keeps what came with when it came."""

    def __init__(self, socket: Any) -> None:
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self._reading = asyncio.create_task(self._read(socket))

    async def _read(self, socket: Any) -> None:
        async for text in socket.connection:
            self.frames.append((time.monotonic(), json.loads(text)))

    @property
    def marks(self) -> list[dict[str, str]]:
        return [f["data"] for _, f in self.frames if f["event"] == "ATTENDANCE_MARKED"]

    def has(self, event: str) -> bool:
        return any(frame["event"] == event for _, frame in self.frames)

    def first_mark_after(self, moment: float) -> float | None:
        for when, frame in self.frames:
            if when > moment and frame["event"] == "ATTENDANCE_MARKED":
                return when
        return None

    def end(self) -> None:
        self._reading.cancel()


class Caller:
    """A teacher who marks one after the other, without end, and waits for each answer."""

    def __init__(self, socket: Any, marks: list[dict[str, str]]) -> None:
        self.outcomes: list[tuple[float, float, str]] = []
        self._task = asyncio.create_task(self._call(socket, marks))

    async def _call(self, socket: Any, marks: list[dict[str, str]]) -> None:
        number = 0
        while True:
            data = marks[number % len(marks)]
            asked = time.monotonic()
            await socket.send("ATTENDANCE_MARKED", data)
            while True:
                frame = await socket.receive()
                if frame["event"] == "ERROR":
                    outcome = frame["data"]["message"]
                    break
                if frame["data"] == data:
                    outcome = "shown"
                    break
            self.outcomes.append((asked, time.monotonic() - asked, outcome))
            number += 1

    @property
    def shown(self) -> int:
        return sum(outcome == "shown" for _, _, outcome in self.outcomes)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def two_servers(tmp_path, replica_set):
    """Two servers, on two ports, of two workers each."""
    environment = {"MONGODB_URI": replica_set.uri, "JWT_SECRET": "s" * 32}
    servers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        servers.append(ServerProcess(tmp_path / name, ["--workers", "2"], environment))
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        for server in servers:
            await server.end()


async def test_marks_survive_their_primary(
    replica_set, two_servers, lesson, mark, eventually, figures
):
    here, there = two_servers
    maths = await lesson(here.client, students=STUDENTS)
    await maths.start()
    # Each mark differs from the student's last, so that none hides another.
    marks = [
        mark(student, status) for status in ("present", "absent") for student in maths.students
    ]
    watchers = [
        Watcher(await server.socket_on(worker, maths.students[0]))
        for server in two_servers
        for worker in server.workers
    ]
    caller = Caller(await here.client.socket(maths.teacher), marks)

    async def calm() -> None:
        wanted = caller.shown + CALM_MARKS

        async def reached() -> bool:
            return caller.shown >= wanted

        await eventually(reached)

    async def resumed(name: str, returned: float) -> None:
        """Every watcher sees marks again within the deadline."""

        async def all_see() -> bool:
            return all(watcher.first_mark_after(returned) for watcher in watchers)

        await eventually(all_see)
        slowest = max(watcher.first_mark_after(returned) - returned for watcher in watchers)
        figures[f"{name}: streams go on after, s"] = slowest
        assert slowest < RESUME_SECONDS

    await calm()
    first = await asyncio.to_thread(replica_set.primary)
    began = time.monotonic()
    with suppress(AutoReconnect):  # it may hang up on everybody, us too
        await asyncio.to_thread(first.client.admin.command, {"replSetStepDown": 60, "force": True})
    second = await asyncio.to_thread(replica_set.primary, first)
    returned = time.monotonic()
    figures["step-down: new primary after, s"] = returned - began
    await resumed("step-down", returned)

    await calm()
    began = time.monotonic()
    await asyncio.to_thread(second.send, signal.SIGKILL)
    await asyncio.to_thread(replica_set.primary, second)
    returned = time.monotonic()
    figures["kill: new primary after, s"] = returned - began
    await resumed("kill", returned)

    await calm()
    second.start()
    await asyncio.to_thread(replica_set.all_at_work)
    await calm()
    await caller.stop()
    outcomes = Counter(outcome for _, _, outcome in caller.outcomes)
    figures["marks shown"] = outcomes["shown"]
    figures["marks answered Service Unavailable"] = outcomes["Service Unavailable"]
    figures["slowest answer, s"] = max(seconds for _, seconds, _ in caller.outcomes)
    assert set(outcomes) <= {"shown", "Service Unavailable"}

    closing = await there.client.socket(maths.teacher)
    await closing.send("DONE")

    async def done() -> bool:
        return all(watcher.has("DONE") for watcher in watchers)

    await eventually(done)
    seen = [watcher.marks for watcher in watchers]
    figures["marks broadcast"] = len(seen[0])
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert len(seen[0]) >= outcomes["shown"]
    last = {data["studentId"]: data["status"] for data in seen[0]}
    kept = dict(zip((student.id for student in maths.students), await maths.records(), strict=True))
    lost = {student for student, status in last.items() if kept[student] != status}
    figures["marks lost"] = len(lost)
    assert not lost
    for watcher in watchers:
        watcher.end()
    for server in two_servers:
        assert await server.terminate() == 0
        assert "Traceback" not in server.stderr
