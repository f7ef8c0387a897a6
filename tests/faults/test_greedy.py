"""Greedy clients: endless sockets, and endless frames."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pymongo

from quartapp.testing.servers import SECRET
from tests.faults.support.crowd import Crowd, resident_mib
from tests.faults.test_storm import sign_up

PER_USER = 1000  # the defaults of both settings, the second one tenth
PER_PROCESS = 1500
GREED = 3000
OPEN_SECONDS = 120.0
TOO_MANY = {"event": "ERROR", "data": {"message": "Too many sockets"}}

WATCHERS = 50
MARKS_A_SECOND = 25
BASELINE_SECONDS = 3.0
MOST_MIB = 50.0
RATE, BURST = 200, 1000  # frames a second, and at once: the defaults
PATIENCE_SECONDS = 30.0
CLOSED_SECONDS = 300.0

KINDS = ("frames", "frames, deaf", "long frames", "long frames, deaf")


class Onlookers:
    """A roll call with watching clients.

    Attributes:
        waits: For each mark the seconds until the last of them had it.
    """

    def __init__(self, crowd, maths):
        self.crowd = crowd
        self._student = maths.students[0]
        self._teacher = crowd.open([maths.teacher.token])[0]
        crowd.open([self._student.token] * WATCHERS)
        self._statuses = {True: "present", False: "absent"}
        self.waits = []

    def mark(self):
        """Mark, and wait until all clients have the mark."""
        sent, wanted = time.perf_counter(), self.crowd.frames + WATCHERS + 1
        status = self._statuses[len(self.waits) % 2 == 0]
        self._teacher.send("ATTENDANCE_MARKED", studentId=self._student.id, status=status)
        self.crowd.until(lambda: self.crowd.frames >= wanted, OPEN_SECONDS)
        self.waits.append(time.perf_counter() - sent)

    def go_on_until(self, question, seconds):
        """Mark at a steady pace until ``question`` has a true answer.

        Returns:
            Median, 99th percentile and greatest of the waits, in milliseconds.
        """
        self.waits = []
        deadline, due = time.perf_counter() + seconds, time.perf_counter()
        while not question():
            assert time.perf_counter() < deadline, "it takes too long"
            if time.perf_counter() >= due:
                self.mark()
                due = max(due + 1 / MARKS_A_SECOND, time.perf_counter())
            self.crowd.turn(0.005)
        waits = sorted(self.waits)
        return [round(1000 * waits[int(part * (len(waits) - 1))], 1) for part in (0.5, 0.99, 1)]

    def go_on_for(self, seconds):
        """Mark for a number of seconds; see :meth:`go_on_until`."""
        end = time.perf_counter() + seconds
        return self.go_on_until(lambda: time.perf_counter() > end, seconds + OPEN_SECONDS)


async def assert_refused(client, token):
    socket = await client.socket(path=f"/ws?token={token}")
    assert (await socket.closed(), socket.history) == (1013, [TOO_MANY])


def take(crowd, tokens, places):
    """Open a socket with each token, all at once, of which some find a place.

    Returns:
        The number of sockets that stay open, and the number of others by close code and frames.
    """
    opened, ended = crowd.opened + len(tokens), crowd.ended + len(tokens) - places
    new = crowd.invite(tokens)
    crowd.until(lambda: crowd.opened >= opened and crowd.ended >= ended, OPEN_SECONDS)
    refused = [member for member in new if member.close_code is not None]
    how = Counter((member.close_code, member.frames) for member in refused)
    return len(new) - len(refused), dict(how)


@asynccontextmanager
async def measured(watching, figures):
    """Continue the roll call during the block, and record the time until all clients had a mark."""
    done = threading.Event()
    going_on = asyncio.create_task(
        asyncio.to_thread(watching.go_on_until, done.is_set, OPEN_SECONDS + CLOSED_SECONDS)
    )
    try:
        yield
    finally:
        done.set()
        figures["others' p50, p99, max ms"] = await going_on


async def test_endless_openings_are_limited_and_other_sockets_stay(
    serve_process, mongodb_uri, lesson, figures
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET=SECRET,
        QUARTAPP_MAX_SOCKETS=str(PER_PROCESS),
        # Not all crowds are read all the time, and so answer pings late on a busy machine.
        QUARTAPP_WEBSOCKET_SILENCE=str(CLOSED_SECONDS + 2 * OPEN_SECONDS),
    )
    url = process.client.url
    maths = await lesson(process.client, students=2)
    await maths.start()
    greedy, other = maths.students[1], await process.client.person("student")
    figures["asked for by one user, twice"] = GREED
    with Crowd(url) as crowd, Crowd(url) as many:
        watching = await asyncio.to_thread(Onlookers, crowd, maths)
        memory = [resident_mib(process.pid)]
        async with measured(watching, figures):
            begun = time.perf_counter()
            given, refused = await asyncio.to_thread(take, many, [greedy.token] * GREED, PER_USER)
            figures["given, refused"] = given, refused
            figures["answered in, s"] = time.perf_counter() - begun
            memory.append(resident_mib(process.pid))
            assert (await asyncio.to_thread(take, many, [greedy.token] * GREED, 0))[0] == 0
            memory.append(resident_mib(process.pid))
        figures["memory, MiB: before, then after each time"] = memory
        assert (given, refused) == (PER_USER, {(1013, 1): GREED - PER_USER})
        assert memory[2] - memory[1] < MOST_MIB
        await assert_refused(process.client, greedy.token)
        assert (await (await process.client.socket(other)).ask("HELLO"))["event"] == "ERROR"

        # Accounts without end are no way either; and a bad token takes a place as any other.
        with pymongo.MongoClient(mongodb_uri) as client:
            users = client.get_default_database()["users"]
            accounts = sign_up(users, other.id, PER_PROCESS)
        left = PER_PROCESS - PER_USER - len(crowd.members) - 1
        given, refused = await asyncio.to_thread(take, many, accounts, left)
        figures["asked for by many users"] = PER_PROCESS
        figures["given, refused to them"] = given, refused
        assert (given, refused) == (left, {(1013, 1): PER_PROCESS - left})
        for token in (greedy.token, other.token, "bad"):
            await assert_refused(process.client, token)
        await asyncio.to_thread(watching.mark)
        assert crowd.ended == 0
    # When they are gone, their places are free again.
    with Crowd(url) as crowd:
        await asyncio.to_thread(crowd.open, [greedy.token] * (PER_USER // 10))
    assert "Traceback" not in process.stderr, process.stderr
    assert await process.terminate() == 0


class Floods:
    """Clients that send endlessly, each in a process of its own."""

    def __init__(self, url, token):
        self._url, self._token = url, token
        self._processes = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def begin(self, kind):
        """Start a client, and return its process."""
        program = Path(__file__).parent / "support" / "flood.py"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(program), self._url, kind),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes.append(process)
        process.stdin.write(f"{self._token}\n".encode())
        assert await process.stdout.readline() == b"open\n"
        return process


async def test_endless_senders_are_slowed_and_then_closed(serve_process, lesson, figures):
    process = await serve_process()
    maths = await lesson(process.client, students=2)
    await maths.start()
    with Crowd(process.client.url) as crowd:
        watching = await asyncio.to_thread(Onlookers, crowd, maths)
        quiet = await asyncio.to_thread(watching.go_on_for, BASELINE_SECONDS)
        figures["before: p50, p99, max ms"] = quiet
        before = resident_mib(process.pid)
        async with Floods(process.client.url, maths.students[1].token) as floods:
            begun = [await floods.begin(kind) for kind in KINDS]
            async with measured(watching, figures), asyncio.timeout(CLOSED_SECONDS):
                ends = [json.loads(await flood.stdout.readline()) for flood in begun]
        figures.update(zip(KINDS, ends, strict=True))
        figures["memory grew, MiB"] = resident_mib(process.pid) - before
        assert crowd.ended == 0
    for ended in ends:
        assert ended["code"] == 1008
        assert ended["s"] >= PATIENCE_SECONDS
        assert ended["answers"] <= BURST + RATE * (ended["s"] + 1)
    assert figures["memory grew, MiB"] < MOST_MIB
    assert "Traceback" not in process.stderr, process.stderr
    assert await process.terminate() == 0
