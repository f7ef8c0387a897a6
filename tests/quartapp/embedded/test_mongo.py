"""The embedded database over the lives and deaths of its server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pymongo
import pytest
from pymongo import AsyncMongoClient

from quartapp.embedded.mongo import TRANSACTION_SECONDS, EmbeddedMongo, EmbeddedMongoError
from tests.quartapp.embedded.support.servers import items, pid_of, server
from tests.support.processes import runs
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.processes

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="what the Linux kernel does")


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


def test_transaction_that_nobody_ends_soon_gives_way_to_other_changes(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        shop.insert_one({"_id": 1, "left": 5})
        with shop.database.client.start_session() as session:
            session.start_transaction()
            shop.update_one({"_id": 1}, {"$set": {"left": 4}}, session=session)
            # A killed process would leave it like this.
            with pymongo.timeout(4 * TRANSACTION_SECONDS):
                shop.update_one({"_id": 1}, {"$inc": {"left": 1}})
        assert shop.find_one({}) == {"_id": 1, "left": 6}


def listening_tcp_ports(pid: int) -> list[str]:
    listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listed.stdout.splitlines() if f"pid={pid}," in line]


@linux_only
def test_mongod_listens_only_on_a_private_socket(
    tmp_path: Path,
) -> None:
    with EmbeddedMongo(tmp_path / "data") as mongo:
        path = tmp_path / "data" / "run" / "mongodb-27017.sock"
        assert f"@{quote(str(path), safe='')}/?" in mongo.uri
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert listening_tcp_ports(pid_of(mongo)) == []


def test_restart_keeps_data_and_address(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path)
    uri = mongo.start()
    with items(uri) as shop:
        shop.insert_one({"name": "pen"})
    mongo.stop()
    with EmbeddedMongo(tmp_path) as again, items(again.uri) as shop:
        assert again.uri == uri
        assert shop.find_one()["name"] == "pen"


def assert_pen_is_kept_and_changes_are_seen(mongo: EmbeddedMongo) -> None:
    with items(mongo.uri) as shop, shop.watch() as stream:
        assert shop.find_one()["name"] == "pen"
        shop.insert_one({"name": "ink"})
        assert stream.next()["fullDocument"]["name"] == "ink"


def test_data_directory_can_be_moved(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "ours") as mongo, items(mongo.uri) as shop:
        shop.insert_one({"name": "pen"})
    (tmp_path / "ours").rename(tmp_path / "moved")
    with EmbeddedMongo(tmp_path / "moved") as mongo:
        assert_pen_is_kept_and_changes_are_seen(mongo)


def test_copy_of_a_data_directory_is_used_beside_the_original(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "ours") as mongo, items(mongo.uri) as shop:
        shop.insert_one({"name": "pen"})
    shutil.copytree(tmp_path / "ours", tmp_path / "copy")
    with EmbeddedMongo(tmp_path / "ours") as ours, EmbeddedMongo(tmp_path / "copy") as copy:
        assert_pen_is_kept_and_changes_are_seen(copy)
        with items(ours.uri) as shop:
            assert shop.count_documents({}) == 1


@pytest.fixture
def long_folder(tmp_path: Path) -> Path:
    """Return a data folder with a path that is too long for a socket."""
    return tmp_path / ("long" * 30) / "data"


def test_data_directory_with_a_long_path_has_its_socket_elsewhere_while_it_is_used(
    long_folder: Path,
) -> None:
    link = long_folder / "run"
    with EmbeddedMongo(long_folder) as mongo, items(mongo.uri) as shop:
        shop.insert_one({"name": "pen"})
        folder = link.readlink()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert f"@{quote(str(folder), safe='')}%2Fmongodb-27017.sock/?" in mongo.uri
    assert not folder.exists()
    with EmbeddedMongo(long_folder) as mongo:
        assert_pen_is_kept_and_changes_are_seen(mongo)


def test_link_to_a_foreign_folder_is_not_followed(long_folder: Path, tmp_path: Path) -> None:
    long_folder.mkdir(parents=True)
    (tmp_path / "not ours").mkdir()
    (tmp_path / "trap").symlink_to(tmp_path / "not ours")
    (long_folder / "run").symlink_to(tmp_path / "trap")
    with EmbeddedMongo(long_folder):
        assert (long_folder / "run").readlink() != tmp_path / "trap"
        assert list((tmp_path / "not ours").iterdir()) == []


def test_killed_server_loses_no_acknowledged_write(tmp_path: Path) -> None:
    with server(tmp_path) as (process, _, _):
        assert process.stdout
        acknowledged = [int(process.stdout.readline()) for _ in range(200)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        stored = {number["_id"] for number in shop.database.numbers.find()}
    assert stored >= set(acknowledged)


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
    """Leave a mongod without a keeper on the directory, with one stored document."""
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
def test_foreign_process_is_named_and_left_alone(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "mongodb").mkdir()
    lock_file = tmp_path / "mongodb" / "mongod.lock"
    lock_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    with lock_file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedMongoError, match=f"in use by process {os.getpid()}"):
            EmbeddedMongo(tmp_path).start()


def test_stop_may_be_repeated_and_leaves_no_process(tmp_path: Path) -> None:
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


def test_log_is_kept_and_does_not_grow_without_bound(tmp_path: Path) -> None:
    log = tmp_path / "mongod.log"
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop, log.open("rb") as first:
        assert b'"Waiting for connections"' in first.read()
        shop.database.command("profile", 0, slowms=-1)  # mongod logs each operation

        def first_is_deleted() -> bool:
            shop.insert_one({}, comment="fill" * 2500)
            return os.fstat(first.fileno()).st_nlink == 0

        until(first_is_deleted)
    sizes = [file.stat().st_size for file in tmp_path.glob("mongod.log*")]
    assert len(sizes) == 2
    assert max(sizes) <= 1_000_000


def test_data_of_the_database_is_private_to_its_user(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "mongodb").stat().st_mode) == 0o700
