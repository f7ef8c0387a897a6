"""A data folder of the time when the mongod had a TCP port, and a server had it to itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError, find_mongod
from quartapp.testing.proc import at_work_on
from tests.quartapp.embedded.support.servers import items
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# What a start says on the way, in this order.
STEPS = ["Waiting for connections", "replSetInitiate admin", "replSetReconfig admin", "New replica"]

START = """
import pathlib, sys
from quartapp.embedded.mongo import EmbeddedMongo

EmbeddedMongo(pathlib.Path(sys.argv[1])).start()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def old_mongod(data_dir: Path, port: int) -> Iterator[MongoClient[dict[str, Any]]]:
    """Start a mongod like the last version with a port."""
    (data_dir / "mongodb").mkdir(exist_ok=True)
    command = [
        *(str(find_mongod()), "--dbpath", str(data_dir / "mongodb"), "--replSet", "quartapp"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as mongod,  # noqa: S603
        closing(MongoClient[dict[str, Any]](uri)) as client,
    ):
        try:
            yield client
        finally:
            mongod.terminate()


@pytest.fixture
def old_port() -> int:
    return free_port()


@pytest.fixture
def old_folder(tmp_path: Path, old_port: int) -> Path:
    """Return the data folder of a killed server of an old version, with one document."""
    member = {"_id": 0, "host": f"127.0.0.1:{old_port}"}
    with old_mongod(tmp_path, old_port) as client:
        client.admin.command({"replSetInitiate": {"_id": "quartapp", "members": [member]}})
        until(lambda: client.admin.command("hello")["isWritablePrimary"])
        client.shop.items.insert_one({"name": "pen"})
    (tmp_path / "mongod.port").write_text(str(old_port))
    owner = {"pid": 2**22 + 1, "started": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "server.json").write_text(json.dumps(owner))
    return tmp_path


def assert_it_is_up_to_date(mongo: EmbeddedMongo) -> None:
    with items(mongo.uri) as shop, shop.watch() as stream:
        assert shop.find_one()["name"] == "pen"
        config = shop.database.client.admin.command("replSetGetConfig")["config"]
        assert config["members"][0]["host"].endswith("/run/mongodb-27017.sock")
        shop.insert_one({"name": "ink"})
        assert stream.next()["fullDocument"]["name"] == "ink"


def test_old_folder_is_used_in_place(old_folder: Path) -> None:
    with EmbeddedMongo(old_folder) as mongo:
        assert_it_is_up_to_date(mongo)
    assert not (old_folder / "mongod.port").exists()
    assert not (old_folder / "server.json").exists()
    with EmbeddedMongo(old_folder) as mongo, items(mongo.uri) as shop:
        assert shop.count_documents({}) == 2


@linux_only
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("killed", ["server", "everything"])
def test_killed_upgrade_goes_on_at_the_next_start(old_folder: Path, step: str, killed: str) -> None:
    log = old_folder / "mongod.log"
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", START, str(old_folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as start:
        until(lambda: log.exists() and step in log.read_text(errors="replace"))
        start.kill()
        if killed == "everything":
            for pid in at_work_on(old_folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    with EmbeddedMongo(old_folder) as mongo:
        assert_it_is_up_to_date(mongo)


def test_former_port_taken_by_another_database_does_no_harm(
    old_folder: Path, old_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The hardest taker: it answers, and its replica set has the same name.
    with (
        old_mongod(tmp_path_factory.mktemp("taker"), old_port) as taker,
        EmbeddedMongo(old_folder) as mongo,
    ):
        with suppress(OperationFailure):
            taker.admin.command("replSetInitiate")
        assert_it_is_up_to_date(mongo)


def test_former_port_taken_by_a_silent_program_does_no_harm(
    old_folder: Path, old_port: int
) -> None:
    log = old_folder / "mongod.log"

    def keep_silent(taker: socket.socket) -> None:
        # mongod asks the port whether it is itself there; we hold it up until it has got a request
        # of ours while it waits. It would wait for 30 s.
        with taker.accept()[0]:
            until(lambda: "replSetInitiate admin" in log.read_text(errors="replace"))

    with socket.create_server(("127.0.0.1", old_port)) as taker:
        thread = threading.Thread(target=keep_silent, args=[taker])
        thread.start()
        with EmbeddedMongo(old_folder) as mongo:
            assert_it_is_up_to_date(mongo)
        thread.join()


def test_old_server_that_still_runs_is_named(old_folder: Path) -> None:
    with FileLock(old_folder / "server.lock"):
        with pytest.raises(EmbeddedMongoError, match=f"process {2**22 + 1}, started 2026") as told:
            EmbeddedMongo(old_folder).start()
        assert "older version" in str(told.value)
        assert str(old_folder) in str(told.value)
    with EmbeddedMongo(old_folder) as mongo:
        assert_it_is_up_to_date(mongo)
