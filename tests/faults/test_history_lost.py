"""The lost history of a change stream: MongoDB has removed the server's resume point."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress

import pytest

from quartapp.testing import ServerProcess
from quartapp.testing.proc import process_state
from tests.faults.support.roll_call import REFUSED, SHOWN, Caller, Watcher, alternating

HISTORY_LOST = 286
STUDENTS = 20
CALM_MARKS = 60
KEPT_SECONDS = 10.0
LOST = '"event": "change stream lost, reloading"'
# The first pauses are 0.1, 0.2, 0.4, 0.8 and 1.6 s, and 2 s from there on.
MOST_TRIES = 12


@pytest.fixture
async def single(make_replica_set):
    """Provide a mongod with fail points."""
    options = ("--setParameter", "enableTestCommands=1")
    return await asyncio.to_thread(make_replica_set, 1, *options)


@pytest.fixture
async def two_servers(tmp_path, single):
    """Provide two servers of one process each."""
    environment = {"MONGODB_URI": single.uri, "JWT_SECRET": "s" * 32}
    servers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        servers.append(ServerProcess(tmp_path / name, [], environment))
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        for server in servers:
            with suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGCONT)
            await server.end()


def aggregates(mongod):
    """Return the number of ``aggregate`` commands; each tries to open a stream."""
    return mongod.client.admin.command("serverStatus")["metrics"]["commands"]["aggregate"]["total"]


async def freeze(server, eventually):
    """Stop the process, and wait until it has stopped."""
    os.kill(server.pid, signal.SIGSTOP)

    async def stopped():
        return process_state(server.pid) == "T"

    await eventually(stopped)


class Lesson:
    """A roll call on two servers, one of which loses its stream.

    Attributes:
        maths: The class.
        watchers: One on each server; the first one's stream is to be lost.
        caller: A teacher who marks on the other server, without end.
    """

    def __init__(self, maths, watchers, caller, eventually):
        self.maths = maths
        self.watchers = watchers
        self.caller = caller
        self._eventually = eventually

    async def calm(self):
        """Send some marks, and wait until they are shown."""
        wanted = self.caller.shown + CALM_MARKS

        async def reached():
            return self.caller.shown >= wanted

        await self._eventually(reached)

    async def seen_after(self, moment):
        """Return the seconds from ``moment`` until every watcher has seen a mark."""

        async def all_see():
            return all(watcher.first_mark_after(moment) for watcher in self.watchers)

        await self._eventually(all_see)
        return max(watcher.first_mark_after(moment) for watcher in self.watchers) - moment

    async def done(self, client):
        """End the session, and compare the broadcasts with the records."""
        await self.caller.stop()
        assert set(self.caller.counts) <= {SHOWN, REFUSED}
        teacher = await client.socket(self.maths.teacher)
        await teacher.send("DONE")

        async def done():
            return all(watcher.has("DONE") for watcher in self.watchers)

        await self._eventually(done)
        students = [student.id for student in self.maths.students]
        kept = dict(zip(students, await self.maths.records(), strict=True))
        for watcher in self.watchers:
            assert watcher.last == kept
            assert [frame["event"] for _, frame in watcher.frames].count("DONE") == 1
            await watcher.end()


def doubled(marks):
    """Return the shown marks that repeat the student's shown status."""
    last, found = {}, []
    for data in marks:
        if last.get(data["studentId"]) == data["status"]:
            found.append(data)
        last[data["studentId"]] = data["status"]
    return found


@pytest.fixture
def roll_call(two_servers, lesson, mark, eventually):
    async def begin():
        _, there = two_servers
        maths = await lesson(there.client, students=STUDENTS)
        await maths.start()
        watchers = [
            Watcher(await server.client.socket(maths.students[0])) for server in two_servers
        ]
        teacher = await there.client.socket(maths.teacher)
        return Lesson(
            maths, watchers, Caller(teacher, alternating(maths.students, mark)), eventually
        )

    return begin


async def ended(servers):
    for server in servers:
        assert await server.terminate() == 0
        assert "Traceback" not in server.stderr


async def test_a_server_that_slept_too_long_reloads_once(
    single, two_servers, roll_call, mark, eventually, figures
):
    """Its cursor is gone when it reads on, and so is what its token stands for."""
    here, there = two_servers
    (mongod,) = single.members
    called = await roll_call()
    await called.calm()
    await called.caller.stop()
    students, asleep = called.maths.students, called.watchers[0]
    teacher = await there.client.socket(called.maths.teacher)

    async def call(marks):
        for data in marks:
            assert (await teacher.ask("ATTENDANCE_MARKED", data))["data"] == data

    async def has_seen(status):
        wanted = {student.id: status for student in students}

        async def seen():
            return asleep.last == wanted

        await eventually(seen)

    await call(mark(student, "absent") for student in students)
    await has_seen("absent")
    shown, before = len(asleep.marks), aggregates(mongod)
    await freeze(here, eventually)
    first = [mark(student, "present") for student in students]
    second = first[::-1]
    await call(first)
    await call(second)
    # The other one sleeps meanwhile: so each failure meets the one whose history it is. The driver
    # takes the first for a cursor that it may open again, does so with the token, and gets 286.
    await freeze(there, eventually)
    failing(mongod, {"times": 2}, ["getMore", "aggregate"], "ResumableChangeStreamError")
    woken = time.monotonic()
    os.kill(here.pid, signal.SIGCONT)
    await has_seen("present")
    os.kill(there.pid, signal.SIGCONT)
    figures["shown again after, s"] = time.monotonic() - woken
    told = asleep.marks[shown:]
    # Some had been on their way to the server when it fell asleep. Of the rest the order is that
    # of each student's last mark, and each comes once.
    on_the_way = 0
    while told[on_the_way] == first[on_the_way] and on_the_way < STUDENTS // 2:
        on_the_way += 1
    figures["marks told by the reload"] = len(told) - on_the_way
    assert told[on_the_way:] == [data for data in second if data not in first[:on_the_way]]
    called.caller = Caller(teacher, alternating(called.maths.students, mark))
    figures["live again after, s"] = await called.seen_after(time.monotonic())
    await called.calm()
    figures["reloads"] = here.stderr.count(LOST)
    figures["commands to open the stream"] = aggregates(mongod) - before
    assert here.stderr.count(LOST) == 1
    assert f'"code": {HISTORY_LOST}' in here.stderr
    assert there.stderr.count(LOST) == 0
    # One with the token, one without, and what the driver tries by itself.
    assert aggregates(mongod) - before <= 3
    await called.done(here.client)
    await ended(two_servers)


async def test_history_that_keeps_being_lost_makes_no_busy_loop(
    single, two_servers, roll_call, figures
):
    (mongod,) = single.members
    called = await roll_call()
    await called.calm()
    before = aggregates(mongod)
    failing(mongod, "alwaysOn", ["getMore"])
    began = time.monotonic()

    async def kept():
        while time.monotonic() - began < KEPT_SECONDS:
            answer = await called.maths.client.api.get(
                "/auth/me", headers=called.maths.teacher.headers
            )
            assert answer.status_code == 200

    await kept()
    tries = [server.stderr.count(LOST) for server in two_servers]
    failing(mongod, "off", [])
    over = time.monotonic()
    figures["reloads of each server in 10 s"] = tries
    figures["commands to open the stream"] = aggregates(mongod) - before
    figures["live again after, s"] = await called.seen_after(over)
    assert all(1 < count <= MOST_TRIES for count in tries)
    assert aggregates(mongod) - before <= 2 * MOST_TRIES
    await called.calm()
    figures["marks"] = dict(called.caller.counts)
    assert not any(doubled(watcher.marks) for watcher in called.watchers)
    figures["slowest mark, s"] = max(took for _, took, _ in called.caller.outcomes)
    await called.done(two_servers[0].client)
    await ended(two_servers)


def failing(mongod, mode, commands, *labels):
    """Let ``commands`` of quartapp fail with 286; ``mode`` and ``labels`` are MongoDB's own."""
    mongod.client.admin.command(
        {
            "configureFailPoint": "failCommand",
            "mode": mode,
            "data": {
                "failCommands": commands,
                "errorCode": HISTORY_LOST,
                "errorLabels": list(labels),
                "appName": "quartapp",
                # Other collections have streams too.
                "namespace": "quartapp.sessions",
            },
        }
    )
