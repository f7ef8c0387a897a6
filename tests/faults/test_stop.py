"""A server with a thousand clients that stops, or replaces its workers."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.faults.support.crowd import Crowd

CLIENTS = 1000
STUDENTS = 30
GONE_SECONDS = 120.0
# Who comes back within one tenth of a second after being sent away would be a storm of its own.
MOMENT_SECONDS = 0.1
MOST_IN_A_MOMENT = CLIENTS // 4
MARKS_BEFORE = 100
MARKS_A_SECOND = 100
SIGN_INS = 6


class RollCall:
    """A teacher who marks until the server closes, and a thousand watchers.

    Attributes:
        sent: The marks, in order.
        last_word: When the last socket was closed, on the clock of ``time.perf_counter``.
    """

    def __init__(self, crowd, maths):
        self._crowd = crowd
        self._students = [student.id for student in maths.students]
        self._teacher = crowd.open([maths.teacher.token])[0]
        tokens = [student.token for student in maths.students]
        self._watching = crowd.open([tokens[n % STUDENTS] for n in range(CLIENTS - 1)])
        self._teacher.texts = []
        self._watching[0].texts = []
        self._due = 0.0
        self.sent = []

    def go_on_until_shown(self, marks):
        """Mark until ``count`` marks came back."""
        self._due = time.perf_counter()
        while self._teacher.frames < marks:
            self._call()

    def go_on_until_all_are_away(self, seconds):
        """Mark until the server has closed every socket."""
        deadline = time.perf_counter() + seconds
        while self._crowd.ended < CLIENTS:
            assert time.perf_counter() < deadline, f"{self._crowd.ended} are away"
            self._call()

    def shown(self):
        """Return the marks that the teacher has seen, and the marks that a watcher has seen."""
        return [
            [json.loads(text)["data"] for text in one.texts]
            for one in (self._teacher, self._watching[0])
        ]

    def _call(self):
        if self._teacher.close_code is None and time.perf_counter() >= self._due:
            number = len(self.sent)
            mark = {
                "studentId": self._students[number % STUDENTS],
                "status": ("present", "absent")[number // STUDENTS % 2],
            }
            with suppress(OSError):
                self._teacher.send("ATTENDANCE_MARKED", **mark)
            self.sent.append(mark)
            self._due += 1 / MARKS_A_SECOND
        self._crowd.turn(0.01)


async def newcomers(url, until):
    """Return counts of the answers to newcomers during the stop, and the longest wait."""
    host, _, port = url.removeprefix("http://").partition(":")
    answers, longest = Counter(), 0.0
    while not until.done():
        came = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            answers["refused"] += 1
        else:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            try:
                answers[(await reader.readline()).decode().strip() or "cut off"] += 1
            except OSError:
                answers["cut off"] += 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        longest = max(longest, time.perf_counter() - came)
        await asyncio.wait({until}, timeout=0.05)
    return dict(answers), longest


def check_closes(crowd, begun, figures):
    """Check that all sockets got the right close code, and not all at once."""
    moments = sorted(member.closed_at - begun for member in crowd.members)
    most = max(Counter(int(moment / MOMENT_SECONDS) for moment in moments).values())
    codes = dict(Counter(member.close_code for member in crowd.members))
    figures["close codes"] = codes
    figures["first sent away after, s"], figures["last, s"] = moments[0], moments[-1]
    figures[f"most sent away in {MOMENT_SECONDS} s"] = most
    assert codes == {1001: CLIENTS}
    assert most <= MOST_IN_A_MOMENT


def check_marks(roll_call, before, after, figures):
    """Check that every shown mark is in the session."""
    stored = roll_call.sent[: after["seq"] - before["seq"]]
    shown = roll_call.shown()
    figures["marks sent"], figures["marks stored"] = len(roll_call.sent), len(stored)
    figures["marks shown"] = max(len(seen) for seen in shown)
    for seen in shown:
        assert seen == stored[: len(seen)], "in order, none lost, none that is not stored"
    assert after["attendance"] == {mark["studentId"]: mark["status"] for mark in stored}


def a_random_moment(figures):
    """Return a random number of marks before the event, and record the seed."""
    figures["seed"] = seed = time.time_ns()
    return MARKS_BEFORE + random.Random(seed).randrange(MARKS_BEFORE)  # noqa: S311 - no secret


@pytest.mark.parametrize(
    ("workers", "number"),
    [(1, signal.SIGTERM), (1, signal.SIGINT), (2, signal.SIGTERM)],
    ids=["SIGTERM", "ctrl-C", "two workers"],
)
async def test_stop_closes_all_sockets_and_loses_nothing(
    serve_process, lesson, figures, workers, number
):
    process = await serve_process("--workers", str(workers))
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    before = await maths.session()
    with Crowd(process.client.url) as crowd:
        roll_call = await asyncio.to_thread(RollCall, crowd, maths)
        await asyncio.to_thread(roll_call.go_on_until_shown, a_random_moment(figures))
        account = {"email": maths.teacher.email, "password": maths.teacher.password}
        sign_ins = [
            asyncio.create_task(process.client.api.post("/auth/login", json=account))
            for _ in range(SIGN_INS)
        ]
        # Passwords are looked at a few at a time, so when the first is in, others are under way.
        await asyncio.wait(sign_ins, return_when=asyncio.FIRST_COMPLETED)
        begun = time.perf_counter()
        stopping = asyncio.create_task(process.stop(number))
        going_on = asyncio.to_thread(roll_call.go_on_until_all_are_away, GONE_SECONDS)
        came, _ = await asyncio.gather(newcomers(process.client.url, stopping), going_on)
        figures["newcomers"], figures["longest wait of one, s"] = came
        assert await stopping == 0, process.stderr
        figures["gone after, s"] = time.perf_counter() - begun
        check_closes(crowd, begun, figures)
    statuses = [answer.status_code for answer in await asyncio.gather(*sign_ins)]
    figures["requests in flight"] = dict(Counter(statuses))
    assert statuses == [200] * SIGN_INS
    # The first may come before the signal, and one who was in the queue is cut off at the end.
    assert set(figures["newcomers"]) <= {"HTTP/1.1 200", "refused", "cut off"}
    assert "Traceback" not in process.stderr, process.stderr
    await process.start()
    after = await replace(maths, client=process.client).session()
    check_marks(roll_call, before, after, figures)
    assert await process.terminate() == 0


async def test_replaced_workers_close_all_sockets_and_lose_nothing(
    serve_process, lesson, figures, eventually
):
    process = await serve_process("--workers", "2")
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    before, former = await maths.session(), process.workers

    async def replaced():
        return len(process.workers) == 2 and not process.workers & former

    with Crowd(process.client.url) as crowd:
        roll_call = await asyncio.to_thread(RollCall, crowd, maths)
        await asyncio.to_thread(roll_call.go_on_until_shown, a_random_moment(figures))
        begun = time.perf_counter()
        os.kill(process.pid, signal.SIGHUP)
        replacing = asyncio.create_task(eventually(replaced))
        going_on = asyncio.to_thread(roll_call.go_on_until_all_are_away, GONE_SECONDS)
        came, _ = await asyncio.gather(newcomers(process.client.url, replacing), going_on)
        figures["newcomers"], figures["longest wait of one, s"] = came
        await replacing
        figures["replaced after, s"] = time.perf_counter() - begun
        check_closes(crowd, begun, figures)
    assert set(figures["newcomers"]) == {"HTTP/1.1 200"}
    assert "Traceback" not in process.stderr, process.stderr
    check_marks(roll_call, before, await maths.session(), figures)
    assert await process.terminate() == 0
