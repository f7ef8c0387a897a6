"""Workers that are killed, or hang, in the middle of a roll call."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

ROUNDS = 12
MARKS = 300
BACK_SECONDS = 3.0
HANG_SECONDS = 45.0


async def test_no_mark_is_lost_with_the_worker_that_took_it(
    serve_process, lesson, mark, eventually, figures
):
    """The sender's worker is killed at a random point of a burst; others watch on the other one."""
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - which point, not which secret
    figures |= {"seed": seed, "rounds": ROUNDS, "marks sent": 0, "marks stored": 0, "marks lost": 0}
    slowest = 0.0
    process = await serve_process("--workers", "2")
    maths = await lesson(process.client, students=10)
    for _ in range(ROUNDS):
        await maths.start()
        hit, spared = process.workers
        teacher = await process.socket_on(hit, maths.teacher)
        watcher = await process.socket_on(spared, maths.students[0])
        sent = [
            mark(maths.students[number % 10], ("present", "absent")[number // 10 % 2])
            for number in range(MARKS)
        ]

        async def call(teacher=teacher, sent=sent):
            for data in sent:
                await teacher.send("ATTENDANCE_MARKED", data)

        sending = asyncio.create_task(call())
        point = chance.randrange(1, MARKS // 2)
        for _ in range(point):
            await watcher.receive()
        os.kill(hit, signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.gather(sending, return_exceptions=True)
        await teacher.closed()

        back = await process.client.socket(maths.teacher)
        await back.send("TODAY_SUMMARY")
        await back.until("TODAY_SUMMARY")
        slowest = max(slowest, time.monotonic() - killed)
        await watcher.until("TODAY_SUMMARY")
        session = await maths.session()
        stored = sent[: session["seq"] - 2]  # one number began it, one is the summary's
        seen = [frame["data"] for frame in watcher.history[:-1]]
        acknowledged = [frame["data"] for frame in teacher.history]
        figures["marks sent"] += len(sent)
        figures["marks stored"] += len(stored)
        figures["marks lost"] += max(0, len(acknowledged) - len(stored))
        assert seen == stored, "in order, none lost, none twice"
        assert acknowledged == stored[: len(acknowledged)]
        state = {data["studentId"]: data["status"] for data in stored}
        assert session["attendance"] == state
        await back.send("DONE")
        await watcher.until("DONE")
        for socket in (back, watcher):
            await socket.close()

        async def complete(hit=hit):
            workers = process.workers
            return len(workers) == 2 and hit not in workers

        await eventually(complete)
    figures["slowest return, s"] = slowest
    assert slowest < BACK_SECONDS
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
    gone = asyncio.create_task(stuck.connection.wait_closed())
    answers = 0
    while not gone.done():
        assert time.monotonic() - began < HANG_SECONDS
        await teacher.send("ATTENDANCE_MARKED", mark(maths.students[0]))
        assert (await teacher.receive())["event"] == "ATTENDANCE_MARKED"
        answers += 1
        await asyncio.wait({gone}, timeout=0.25)
    figures["replaced after, s"] = time.monotonic() - began
    figures["marks meanwhile"] = answers
    assert hanging not in process.workers
    assert await process.terminate() == 0
