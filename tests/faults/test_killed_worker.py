"""Workers that are killed or hang during a roll call."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace

from quartapp.testing.clients import Client
from tests.faults.support.burst import STUDENTS, Account, Burst

ROUNDS = 160
WORKERS = 3
HANG_SECONDS = 300.0


async def test_no_mark_is_lost_with_the_worker_that_took_it(
    serve_process, lesson, mongodb_uri, figures, eventually
):
    """The sender's worker is killed at a random point of a burst; others watch on another one.

    The other workers are reachable all the time, so the clock of those who return begins with the
    kill.
    """
    account = Account(figures)
    process = await serve_process(
        *("--workers", str(WORKERS)), MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32
    )
    maths = await lesson(process.client, students=STUDENTS)
    for _ in range(ROUNDS):
        burst = await Burst.begin(account, maths)
        teacher = await maths.client.socket(maths.teacher)
        hit = process.worker_of(teacher)
        watcher = await maths.client.socket(maths.students[0])
        while process.worker_of(watcher) == hit:
            await watcher.close()
            watcher = await maths.client.socket(maths.students[0])
        killed = []

        def strike(hit=hit, killed=killed):
            os.kill(hit, signal.SIGKILL)
            killed.append(time.monotonic())

        await burst.hit(teacher, watcher, strike)
        # The one before has idle connections that were reset.
        client = Client(process.client.url)
        await burst.settle(client, killed[0], teacher, watcher)
        await watcher.until("DONE")
        await maths.client.close()
        maths = replace(maths, client=client)

        async def replaced(hit=hit):
            return len(process.workers - {hit}) == WORKERS

        await eventually(replaced)
    await maths.client.close()
    account.assert_clean(ROUNDS)
    assert await process.terminate() == 0


async def test_a_worker_that_hangs_is_replaced(serve_process, lesson, mark, figures):
    process = await serve_process("--workers", "2")
    maths = await lesson(process.client, students=1)
    await maths.start()
    hanging, spared = process.workers
    teacher = await process.socket_on(spared, maths.teacher)
    stuck = await process.socket_on(hanging, maths.students[0])
    os.kill(hanging, signal.SIGSTOP)
    began = time.monotonic()
    deadline = began + HANG_SECONDS
    gone = asyncio.create_task(stuck.connection.wait_closed())
    answers = 0
    while not gone.done():
        assert time.monotonic() < deadline
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
        assert (await teacher.receive())["event"] == "ATTENDANCE_MARKED"
        answers += 1
        await asyncio.wait({gone}, timeout=0.25)
    figures["replaced after, s"] = time.monotonic() - began
    figures["marks meanwhile"] = answers
    assert hanging not in process.workers
    assert await process.terminate() == 0
