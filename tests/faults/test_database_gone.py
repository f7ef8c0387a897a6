"""The database is stopped, or hangs, in the middle of a roll call, and comes back."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.faults.support.roll_call import REFUSED, SHOWN, Caller, Proof, Watcher, alternating
from tests.faults.support.visitors import Visitors

STUDENTS = 20
CALM_MARKS = 100
MEGABYTE = 1 << 20
GROWTH = 50 * MEGABYTE
# Beside one line for each request and each mark that was refused.
LINES_A_SECOND = 4


def resident(processes):
    """Return the memory of each process, in bytes; on Linux."""
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in processes}


@pytest.mark.parametrize(
    ("kind", "going", "seconds"),
    [
        ("stopped", signal.SIGTERM, 20.0),
        ("killed", signal.SIGKILL, 5.0),
        ("frozen", signal.SIGSTOP, 40.0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_everybody_is_told_and_service_resumes(
    make_replica_set, serve_process, lesson, mark, eventually, figures, kind, going, seconds
):
    replica_set = await asyncio.to_thread(make_replica_set, 1)
    (mongod,) = replica_set.members
    process = await serve_process(
        "--workers", "2", MONGODB_URI=replica_set.uri, JWT_SECRET="s" * 32
    )
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    watchers = [
        Watcher(await process.socket_on(worker, maths.students[0])) for worker in process.workers
    ]
    workers = process.workers
    proof = Proof(replica_set.uri, watchers[0], STUDENTS)
    caller = Caller(await process.client.socket(maths.teacher), alternating(maths.students, mark))
    visitors = Visitors(maths)

    async def calm():
        wanted = caller.shown + CALM_MARKS

        async def reached():
            return caller.shown >= wanted

        await eventually(reached)

    assert await visitors.welcome()
    await calm()
    before, lines = resident(workers), len(process.stderr.splitlines())
    visitors.slowest.clear()
    began = time.monotonic()
    await asyncio.to_thread(mongod.send, going)
    gone = time.monotonic()
    figures["gone after, s"] = gone - began
    while time.monotonic() - gone < seconds:
        await visitors.come()
    during = dict(visitors.slowest)
    if going == signal.SIGSTOP:
        mongod.send(signal.SIGCONT)
        returned = time.monotonic()
    else:
        mongod.launch()
        await asyncio.to_thread(replica_set.primary)
        returned = time.monotonic()
    figures["away, s"] = returned - gone

    async def all_see():
        return all(watcher.first_mark_after(returned) for watcher in watchers)

    await eventually(all_see)
    slowest = max(watcher.first_mark_after(returned) - returned for watcher in watchers)
    figures["streams go on after, s"] = slowest
    await eventually(visitors.welcome)
    figures["HTTP goes on after, s"] = time.monotonic() - returned
    await calm()
    await caller.stop()
    await proof.end()

    figures["requests answered 503"] = visitors.refused
    figures["slowest answers, s"] = {name: round(took, 2) for name, took in during.items()}
    figures["not as they should be"] = visitors.surprises[:5]
    figures["marks"] = dict(caller.counts)
    figures["slowest mark, s"] = max(took for _, took, _ in caller.outcomes)
    figures["marks proved stored when shown"] = proof.proved
    growth = max(size - before[pid] for pid, size in resident(workers).items())
    figures["growth of a worker, MB"] = growth / MEGABYTE
    log = process.stderr.splitlines()[lines:]
    figures["lines logged"] = len(log)
    assert not visitors.surprises
    assert set(caller.counts) <= {SHOWN, REFUSED}
    assert proof.proved > CALM_MARKS // 4
    assert not proof.too_early
    assert process.workers == workers, "nobody had to be started again"
    assert growth < GROWTH
    refused = visitors.refused + caller.counts[REFUSED]
    assert len(log) <= refused + LINES_A_SECOND * (time.monotonic() - began)

    teacher = await process.client.socket(maths.teacher)
    await teacher.send("DONE")

    async def done():
        return all(watcher.has("DONE") for watcher in watchers)

    await eventually(done)
    one, other = watchers
    assert one.marks == other.marks, "one order for all"
    assert len(one.marks) >= caller.shown
    kept = dict(zip((student.id for student in maths.students), await maths.records(), strict=True))
    assert kept == one.last
    for watcher in watchers:
        await watcher.end()
    assert await process.terminate() == 0
    assert "Traceback" not in process.stderr
