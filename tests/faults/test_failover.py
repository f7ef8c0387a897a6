"""Two servers on one replica set that loses its primary during a roll call."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import pytest
from pymongo.errors import AutoReconnect

from quartapp.testing import ServerProcess
from tests.faults.support.roll_call import REFUSED, SHOWN, Caller, Proof, Watcher, alternating
from tests.faults.support.visitors import Visitors

STUDENTS = 20
CALM_MARKS = 60


@pytest.fixture
async def two_servers(tmp_path, replica_set):
    """Provide two servers on two ports, with two workers each."""
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
    watchers = [
        Watcher(await server.socket_on(worker, maths.students[0]))
        for server in two_servers
        for worker in server.workers
    ]
    marks = alternating(maths.students, mark)
    caller = Caller(await here.client.socket(maths.teacher), marks)
    proof = Proof(replica_set.uri, watchers[0], STUDENTS)
    visitors = Visitors(maths)

    async def calm() -> None:
        wanted = caller.shown + CALM_MARKS

        async def reached() -> bool:
            return caller.shown >= wanted

        await eventually(reached)

    async def resumed(name: str, returned: float) -> None:
        """Wait until every watcher sees marks again."""

        async def all_see() -> bool:
            return all(watcher.first_mark_after(returned) for watcher in watchers)

        await eventually(all_see)
        slowest = max(watcher.first_mark_after(returned) - returned for watcher in watchers)
        figures[f"{name}: streams go on after, s"] = slowest

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
    # The others wait ten seconds before they elect another one.
    await visitors.come()
    await asyncio.to_thread(replica_set.primary, second)
    returned = time.monotonic()
    figures["kill: new primary after, s"] = returned - began
    await resumed("kill", returned)
    assert await visitors.welcome()

    await calm()
    second.launch()
    await asyncio.to_thread(replica_set.all_at_work)
    await calm()
    await caller.stop()
    await proof.end()
    outcomes = caller.counts
    figures["requests answered 503"] = visitors.refused
    figures["slowest HTTP answer, s"] = max(visitors.slowest.values())
    figures["not as they should be"] = visitors.surprises[:5]
    figures["marks proved stored when shown"] = proof.proved
    assert not visitors.surprises
    assert proof.proved > CALM_MARKS
    assert not proof.too_early
    figures["marks shown"] = outcomes[SHOWN]
    figures["marks answered Service Unavailable"] = outcomes[REFUSED]
    figures["slowest answer, s"] = max(seconds for _, seconds, _ in caller.outcomes)
    assert set(outcomes) <= {SHOWN, REFUSED}

    closing = await there.client.socket(maths.teacher)
    await closing.send("DONE")

    async def done() -> bool:
        return all(watcher.has("DONE") for watcher in watchers)

    await eventually(done)
    seen = [watcher.marks for watcher in watchers]
    figures["marks broadcast"] = len(seen[0])
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert len(seen[0]) >= outcomes[SHOWN]
    last = watchers[0].last
    kept = dict(zip((student.id for student in maths.students), await maths.records(), strict=True))
    lost = {student for student, status in last.items() if kept[student] != status}
    figures["marks lost"] = len(lost)
    assert not lost
    for watcher in watchers:
        await watcher.end()
    for server in two_servers:
        assert await server.terminate() == 0
        assert "Traceback" not in server.stderr
