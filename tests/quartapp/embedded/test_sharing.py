"""One mongod for all the processes that use a data folder, whichever of them begins or ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.testing.proc import at_work_on
from tests.quartapp.embedded.support.servers import items, pid_of, server
from tests.support.processes import runs
from tests.support.waiting import until

pytestmark = pytest.mark.processes

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Comes and goes again and again, and writes a number each time.
VISITOR = """
import pathlib, sys
from pymongo import MongoClient
from quartapp.embedded.mongo import EmbeddedMongo

for number in range(int(sys.argv[3])):
    with EmbeddedMongo(pathlib.Path(sys.argv[1])) as mongo, MongoClient(mongo.uri) as client:
        client.shop.numbers.insert_one({"_id": f"{sys.argv[2]} {number}"})
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_last_user_to_stop_ends_mongod(tmp_path: Path) -> None:
    first, second = EmbeddedMongo(tmp_path), EmbeddedMongo(tmp_path)
    first.start()
    second.start()
    pid = pid_of(first)
    assert pid_of(second) == pid
    first.stop()
    with items(second.uri) as shop:
        shop.insert_one({})
    assert runs(pid)
    second.stop()
    assert not runs(pid)


def test_a_command_beside_a_server_shares_its_database(tmp_path: Path) -> None:
    with server(tmp_path) as (process, mongod_pid, uri):
        with EmbeddedMongo(tmp_path) as mongo:
            assert mongo.uri == uri
            assert mongo.pid == mongod_pid
        assert runs(mongod_pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert not runs(mongod_pid)


def test_a_server_that_stops_leaves_the_database_to_a_command(tmp_path: Path) -> None:
    with server(tmp_path) as (process, mongod_pid, _), EmbeddedMongo(tmp_path) as mongo:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0
        with items(mongo.uri) as shop:
            assert shop.database.numbers.find_one({"_id": "after the interrupt"})
        assert mongo.pid == mongod_pid
    assert not runs(mongod_pid)


def test_a_killed_server_leaves_the_database_to_a_command(tmp_path: Path) -> None:
    with server(tmp_path) as (process, mongod_pid, _), EmbeddedMongo(tmp_path) as mongo:
        process.kill()
        process.wait()
        with items(mongo.uri) as shop:
            shop.insert_one({})
        assert mongo.pid == mongod_pid
    assert not runs(mongod_pid)


def test_server_goes_on_when_the_command_that_started_mongod_is_killed(tmp_path: Path) -> None:
    with server(tmp_path) as (command, mongod_pid, _):
        with server(tmp_path, first=1_000_000) as (process, same_pid, _):
            assert same_pid == mongod_pid
            command.kill()
            assert process.stdout
            process.stdout.readline()
            last = int(process.stdout.readline())
            command.wait()
            assert int(process.stdout.readline()) > last
            process.kill()
        until(lambda: not runs(mongod_pid))


def test_processes_that_start_at_once_share_one_mongod(tmp_path: Path) -> None:
    everybody = [EmbeddedMongo(tmp_path) for _ in range(6)]

    async def begin() -> None:
        await asyncio.gather(*(asyncio.to_thread(mongo.start) for mongo in everybody))

    with ExitStack() as stack:
        for mongo in everybody:
            stack.callback(mongo.stop)
        asyncio.run(begin())
        assert len({pid_of(mongo) for mongo in everybody}) == 1


def test_reconnections_at_any_time_lose_nothing(tmp_path: Path) -> None:
    rounds, names = 8, ("a", "b", "c")
    visitors = [started(VISITOR, str(tmp_path), name, str(rounds)) for name in names]
    for visitor in visitors:
        assert visitor.communicate(timeout=300)[1] == ""
        assert visitor.returncode == 0
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        stored = {number["_id"] for number in shop.database.numbers.find()}
    assert stored == {f"{name} {number}" for name in names for number in range(rounds)}


@linux_only
@pytest.mark.parametrize(
    "logged",
    ["MongoDB starting", "Waiting for connections", "replSetInitiate", "primary"],
)
def test_killed_start_leaves_no_process_and_the_next_start_succeeds(
    tmp_path: Path, logged: str
) -> None:
    log = tmp_path / "mongod.log"
    visitor = started(VISITOR, str(tmp_path), "a", "1000")
    until(lambda: log.exists() and logged in log.read_text(errors="replace"))
    visitor.kill()
    visitor.communicate()
    until(lambda: not at_work_on(tmp_path))
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        shop.insert_one({})


@linux_only
def test_a_killed_keeper_takes_the_mongod_along_and_the_next_start_makes_good(
    tmp_path: Path,
) -> None:
    mongo = EmbeddedMongo(tmp_path)
    mongo.start()
    pid = pid_of(mongo)
    keeper = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not runs(pid))
    mongo.stop()
    with mongo, items(mongo.uri) as shop:
        shop.insert_one({})
