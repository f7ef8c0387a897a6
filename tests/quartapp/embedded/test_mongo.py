"""The embedded database over the lives and deaths of its server."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient, MongoClient, WriteConcern

from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="what the Linux kernel does")

# A server: starts the database from a thread that ends at once, says so, and writes until it is
# ended. Every line after the first is a number whose write was acknowledged by a majority.
SERVER = """
import asyncio, pathlib, signal, sys
from pymongo import MongoClient, WriteConcern
from quartapp.embedded.mongo import EmbeddedMongo

async def main():
    mongo = EmbeddedMongo(pathlib.Path(sys.argv[1]))
    uri = await asyncio.to_thread(mongo.start)
    await asyncio.get_running_loop().shutdown_default_executor()
    interrupts = []
    signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
    print(mongo.pid, uri, flush=True)
    with MongoClient(uri) as client:
        numbers = client.get_database("shop", write_concern=WriteConcern("majority")).numbers
        number = 0
        while len(interrupts) < 1:
            numbers.insert_one({"_id": number})
            print(number, flush=True)
            number += 1
        numbers.insert_one({"_id": "after the interrupt"})
    mongo.stop()

asyncio.run(main())
"""


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603, S607
    return state.stdout.strip()[:1] not in (b"", b"Z")


def pid_of(mongo: EmbeddedMongo) -> int:
    assert mongo.pid is not None
    return mongo.pid


@contextmanager
def items(uri: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri) as client:
        yield client.get_database("shop", write_concern=WriteConcern("majority")).items


@contextmanager
def server(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Run SERVER; gives the process, the id of its mongod, and the URI."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SERVER, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    with process:
        assert process.stdout
        mongod_pid, uri = process.stdout.readline().split()
        try:
            yield process, int(mongod_pid), uri
        finally:
            process.kill()


def test_first_start_gives_a_primary(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "not" / "yet" / "there") as mongo, items(mongo.uri) as shop:
        assert shop.insert_one({}).acknowledged


def test_majority_write_is_seen_by_a_change_stream(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop, shop.watch() as stream:
        shop.insert_one({"name": "pen"})
        assert stream.next()["fullDocument"]["name"] == "pen"


def test_uri_serves_the_asynchronous_client_and_transactions(tmp_path: Path) -> None:
    async def sell(uri: str) -> int:
        async with AsyncMongoClient[dict[str, Any]](uri) as client:
            async with client.start_session() as session, await session.start_transaction():
                await client.shop.items.insert_one({}, session=session)
            return await client.shop.items.count_documents({})

    with EmbeddedMongo(tmp_path) as mongo:
        assert asyncio.run(sell(mongo.uri)) == 1


def test_other_addresses_of_the_machine_are_not_served(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        port = int(re.findall(r":(\d+)", mongo.uri)[0])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(OSError, match=r"refused|assign|unreachable"):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_restart_keeps_data_and_port(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path)
    uri = mongo.start()
    with items(uri) as shop:
        shop.insert_one({"name": "pen"})
    mongo.stop()
    with EmbeddedMongo(tmp_path) as again, items(again.uri) as shop:
        assert again.uri == uri
        assert shop.find_one()["name"] == "pen"


def test_restart_when_another_database_has_taken_the_port(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "ours") as mongo, items(mongo.uri) as shop:
        uri = mongo.uri
        shop.insert_one({"name": "pen"})
    port = int(re.findall(r":(\d+)", uri)[0])
    # The hardest taker: it answers, and its replica set has the same name.
    with (
        EmbeddedMongo(tmp_path / "theirs", port=port),
        EmbeddedMongo(tmp_path / "ours") as mongo,
        items(mongo.uri) as shop,
        shop.watch() as stream,
    ):
        assert mongo.uri != uri
        assert shop.find_one()["name"] == "pen"
        shop.insert_one({"name": "ink"})
        assert stream.next()["fullDocument"]["name"] == "ink"


def test_restart_when_somebody_silent_has_taken_the_port(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        uri = mongo.uri
        shop.insert_one({"name": "pen"})
    log = tmp_path / "mongod.log"
    before = log.read_text(encoding="utf-8").count("replSetInitiate admin command received")

    def keep_silent(taker: socket.socket) -> None:
        # mongod asks the port whether it is itself there; we hold it up until it has got a request
        # of ours while it waits. It would wait for 30 s.
        with taker.accept()[0]:
            until(lambda: log.read_text(encoding="utf-8").count("replSetInitiate admin") > before)

    with socket.create_server(("127.0.0.1", int(re.findall(r":(\d+)", uri)[0]))) as taker:
        thread = threading.Thread(target=keep_silent, args=[taker])
        thread.start()
        with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
            assert mongo.uri != uri
            assert shop.find_one()["name"] == "pen"
        thread.join()


def test_second_start_on_a_directory_names_the_first(tmp_path: Path) -> None:
    with server(tmp_path) as (first, mongod_pid, _):
        for _ in range(2):  # being refused must not wipe out what is known of the first
            with pytest.raises(EmbeddedMongoError) as refusal:
                EmbeddedMongo(tmp_path).start()
            assert f"process {first.pid}, started 20" in str(refusal.value)
            assert str(tmp_path) in str(refusal.value)
        assert runs(mongod_pid)


def test_second_start_in_the_same_process_is_refused_until_the_first_stops(tmp_path: Path) -> None:
    second = EmbeddedMongo(tmp_path)
    with EmbeddedMongo(tmp_path), pytest.raises(EmbeddedMongoError, match=f"process {os.getpid()}"):
        second.start()
    with second:
        assert second.pid


@linux_only
def test_killed_server_takes_its_mongod_along_and_loses_no_acknowledged_write(
    tmp_path: Path,
) -> None:
    with server(tmp_path) as (process, mongod_pid, _):
        assert process.stdout
        acknowledged = [int(process.stdout.readline()) for _ in range(200)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    with EmbeddedMongo(tmp_path) as mongo:
        assert not runs(mongod_pid)
        with items(mongo.uri) as shop:
            stored = {number["_id"] for number in shop.database.numbers.find()}
    assert stored >= set(acknowledged)


@linux_only
def test_mongod_of_a_killed_server_ends_without_a_next_start(tmp_path: Path) -> None:
    with server(tmp_path) as (process, mongod_pid, _):
        process.kill()
        until(lambda: not runs(mongod_pid))


def test_interrupt_from_the_terminal_leaves_the_database_to_the_server(tmp_path: Path) -> None:
    with server(tmp_path) as (process, mongod_pid, _):
        os.killpg(process.pid, signal.SIGINT)  # what ctrl-C does: the whole foreground group
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert not runs(mongod_pid)
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        assert shop.database.numbers.find_one({"_id": "after the interrupt"})


@contextmanager
def left_behind(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A mongod on the directory that no server watches over, with a write in it."""
    with EmbeddedMongo(data_dir) as mongo:
        command = Path(f"/proc/{mongo.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        uri = mongo.uri
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as orphan:  # noqa: S603
        try:
            with items(uri) as shop:
                until(lambda: shop.database.client.is_primary)
                shop.insert_one({"name": "pen"})
            yield orphan
        finally:
            orphan.kill()


@linux_only
def test_mongod_that_was_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    with left_behind(tmp_path) as orphan, EmbeddedMongo(tmp_path) as mongo:
        assert orphan.wait(timeout=60)
        with items(mongo.uri) as shop:
            assert shop.find_one()["name"] == "pen"


@linux_only
def test_process_that_is_not_ours_is_named_and_left_alone(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "mongodb").mkdir()
    lock_file = tmp_path / "mongodb" / "mongod.lock"
    lock_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    with lock_file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedMongoError, match=f"in use by process {os.getpid()}"):
            EmbeddedMongo(tmp_path).start()


def mongod_threads():
    # The test run's own database has one of that name as well.
    return {thread for thread in threading.enumerate() if thread.name == "mongod"}


def test_stop_may_be_repeated_and_leaves_no_process(tmp_path: Path) -> None:
    before = mongod_threads()
    mongo = EmbeddedMongo(tmp_path)
    mongo.stop()
    mongo.start()
    pid = pid_of(mongo)
    mongo.stop()
    assert not runs(pid)
    mongo.stop()
    assert mongo.pid is None
    with pytest.raises(EmbeddedMongoError, match="not started"):
        _ = mongo.uri
    assert mongod_threads() == before


def test_mongod_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path)
    mongo.start()
    pid = pid_of(mongo)
    os.kill(pid, signal.SIGSTOP)
    mongo.stop()
    assert not runs(pid)


def test_start_may_be_repeated_from_any_thread(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        pid = pid_of(mongo)
        assert asyncio.run(asyncio.to_thread(mongo.start)) == mongo.uri
        assert mongo.pid == pid
        asyncio.run(asyncio.to_thread(mongo.stop))
        assert not runs(pid)


def test_mongod_that_ends_by_itself_is_reported_and_can_be_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mongo = EmbeddedMongo(tmp_path)
    mongo.start()
    with caplog.at_level(logging.ERROR):
        os.kill(pid_of(mongo), signal.SIGKILL)
        until(lambda: "ended by itself" in caplog.text)
    assert mongo.pid is None
    mongo.stop()
    with mongo, items(mongo.uri) as shop:
        shop.insert_one({})


def test_log_is_kept_and_does_not_grow_without_bound(tmp_path: Path) -> None:
    log = tmp_path / "mongod.log"
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop, log.open("rb") as first:
        assert b'"Waiting for connections"' in first.read()
        shop.database.client.admin.command({"setParameter": 1, "logLevel": 5})

        def first_is_deleted() -> bool:
            shop.insert_one({})
            return os.fstat(first.fileno()).st_nlink == 0

        until(first_is_deleted)
    sizes = [file.stat().st_size for file in tmp_path.glob("mongod.log*")]
    assert len(sizes) == 2
    assert max(sizes) <= 1_000_000


def test_data_of_the_database_is_private_to_its_user(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "mongodb").stat().st_mode) == 0o700
