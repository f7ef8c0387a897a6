"""Access to the embedded mongod: for who has the password, on new data and on data of before."""

from __future__ import annotations

import os
import secrets
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pymongo
import pytest
from pymongo.errors import OperationFailure

from quartapp.embedded.locks import LockedFile
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError, find_mongod
from quartapp.testing.proc import at_work_on
from tests.quartapp.embedded.support.servers import items, pid_of
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.processes

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SECRETS = ["mongod.key", "mongod.password"]

# Starts the database, and kills a start at one step: before the creation of a file with a secret or
# of the mongod's keeper, or when a command is sent to the mongod or answered by it.
KILLED = """
import os, pathlib, signal, sys
from pymongo import monitoring
from quartapp.embedded.locks import LockedFile
from quartapp.embedded.mongo import EmbeddedMongo

folder, step = sys.argv[1:]

def at(found):
    if found == step:
        os.kill(os.getpid(), signal.SIGKILL)

def audited(event, arguments):
    if event == "os.link":
        at("make " + os.path.basename(arguments[1]))
    elif event == "subprocess.Popen":
        at("launch")

class Steps(monitoring.CommandListener):
    def started(self, event):
        at("send " + event.command_name)

    def succeeded(self, event):
        at("sent " + event.command_name)

    def failed(self, event):
        pass

sys.addaudithook(audited)
monitoring.register(Steps())
EmbeddedMongo(pathlib.Path(folder)).start()
"""

# In the order of a start: each kill leaves what the next start has to go on from.
UPGRADE = [
    "make mongod.key",
    "make mongod.password",
    "launch",
    "send replSetReconfig",
    "sent replSetReconfig",
    "send usersInfo",
    "send createUser",
    "sent createUser",
]
FIRST_START = [
    "make mongod.key",
    "make mongod.password",
    "launch",
    "send replSetInitiate",
    "sent replSetInitiate",
    "send createUser",
    "sent createUser",
]


def killed_start(data_dir: Path, step: str, *, with_mongod: bool) -> None:
    """Start the database in another process, which is killed at a step."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", KILLED, str(data_dir), step],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as start:
        assert start.wait() == -signal.SIGKILL, f"there was no step {step!r}"
    if with_mongod:
        for pid in at_work_on(data_dir):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def anonymous(mongo: EmbeddedMongo) -> pymongo.MongoClient[dict[str, Any]]:
    """Return a client without a password, to be closed."""
    address = mongo.uri.rpartition("@")[2].partition("?")[0]
    return pymongo.MongoClient(f"mongodb://{address}?directConnection=true")


def assert_only_the_password_opens(mongo: EmbeddedMongo) -> None:
    with anonymous(mongo) as client:
        for attempt in (
            client.shop.items.find_one,
            client.list_database_names,
            lambda: client.admin.command("createUser", "me", pwd="mine", roles=["root"]),
        ):
            with pytest.raises(OperationFailure, match="requires authentication"):
                attempt()
    with items(mongo.uri) as shop:
        assert shop.insert_one({}).acknowledged


@contextmanager
def mongod_without_password(data_dir: Path, *options: str) -> Iterator[None]:
    """Run a mongod as versions without a password did."""
    (data_dir / "mongodb").mkdir(exist_ok=True)
    command = [
        *(str(find_mongod()), "--dbpath", str(data_dir / "mongodb"), "--replSet", "quartapp"),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false", *options),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as mongod:  # noqa: S603
        try:
            yield
        finally:
            mongod.terminate()


@contextmanager
def old_mongod(data_dir: Path) -> Iterator[None]:
    """Run the mongod of a version with a socket, with one document."""
    run = data_dir / "run"
    run.mkdir(mode=0o700)
    path = str(run / "mongodb-27017.sock")
    address = quote(path, safe="")
    client: pymongo.MongoClient[dict[str, Any]]
    with (
        mongod_without_password(data_dir, "--bind_ip", path, "--unixSocketPrefix", str(run)),
        pymongo.MongoClient(f"mongodb://{address}/?directConnection=true") as client,
    ):
        member = {"_id": 0, "host": path}
        client.admin.command({"replSetInitiate": {"_id": "quartapp", "members": [member]}})
        until(lambda: client.admin.command("hello")["isWritablePrimary"])
        client.shop.items.insert_one({"name": "pen"})
        yield


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    """Return the data folder of a version without a password, which has since moved."""
    folder = tmp_path / "old"
    folder.mkdir(mode=0o700)
    with old_mongod(folder):
        pass
    return folder.rename(tmp_path / "moved")


def test_password_and_key_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        uri = mongo.uri
    made = [(tmp_path / name).read_text(encoding="ascii") for name in SECRETS]
    assert [len(secret) for secret in made] == [64, 64]
    assert len(set(made)) == 2
    for name in SECRETS:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with EmbeddedMongo(tmp_path) as mongo:
        assert mongo.uri == uri


def test_only_the_password_opens_the_mongod(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        assert_only_the_password_opens(mongo)
        with items(mongo.uri) as shop, pytest.raises(OperationFailure, match="not authorized"):
            shop.database.client.admin.command("createUser", "me", pwd="mine", roles=["root"])


def test_mongod_runs_no_scripts_and_compresses_nothing(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        shop.insert_one({})
        for script in (
            {"$where": "true"},
            {"$expr": {"$function": {"body": "function() {}", "args": [], "lang": "js"}}},
        ):
            with pytest.raises(OperationFailure, match=r"globalScriptEngine|javascript"):
                shop.find_one(script)
        offered = ["snappy", "zlib", "zstd"]
        assert "compression" not in shop.database.command("hello", compression=offered)


@linux_only
def test_neither_password_nor_key_is_in_a_command_line(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        pids = at_work_on(tmp_path)
        assert pid_of(mongo) in pids
        for pid in pids:
            command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
            for name in SECRETS:
                assert (tmp_path / name).read_text(encoding="ascii") not in command


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("s" * 64, 0o640, "chmod 600"),
        ("s" * 31, 0o600, "shorter than 32 bytes"),
        ("s" * 1025, 0o600, "more than 1,024 characters"),
        ("s" * 32 + "\0", 0o600, "others than letters"),
        ("s" * 32 + " \n" + "s" * 32, 0o600, "others than letters"),
        ("\u00e4" * 32, 0o600, "others than letters"),
    ],
    ids=["readable", "short", "long", "NUL", "two lines", "umlauts"],
)
def test_unsafe_secret_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: str, mode: int, reason: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / name).chmod(mode)
    with pytest.raises(EmbeddedMongoError, match=reason) as refused:
        EmbeddedMongo(tmp_path).start()
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert content not in str(refused.value)


def test_given_secrets_are_used(tmp_path: Path) -> None:
    for name in SECRETS:
        (tmp_path / name).write_text("+/" + "a0" * 511 + "\n", encoding="ascii")
        (tmp_path / name).chmod(0o400)
    with EmbeddedMongo(tmp_path) as mongo:
        assert_only_the_password_opens(mongo)


@pytest.mark.parametrize("lost", [["mongod.password"], ["mongod.key"], SECRETS])
def test_lost_secret_is_made_anew_at_the_next_start(tmp_path: Path, lost: list[str]) -> None:
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        former = mongo.uri
        shop.insert_one({"name": "pen"})
    for name in lost:
        (tmp_path / name).unlink()
    with EmbeddedMongo(tmp_path) as mongo, items(mongo.uri) as shop:
        assert shop.find_one()["name"] == "pen"
        assert_only_the_password_opens(mongo)
        if "mongod.password" in lost:
            with items(former) as denied, pytest.raises(OperationFailure, match="Authentication"):
                denied.find_one()


@pytest.mark.parametrize(
    ("changed", "named"), [(["mongod.password"], "another password"), (SECRETS, "another key")]
)
def test_changed_secret_does_not_lock_out_the_processes_that_use_the_mongod(
    tmp_path: Path, changed: list[str], named: str
) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        for name in changed:
            (tmp_path / name).write_text(secrets.token_hex(32), encoding="ascii")
        with pytest.raises(EmbeddedMongoError, match=named) as refused:
            EmbeddedMongo(tmp_path).start()
        assert "Stop the server" in str(refused.value)
        assert_only_the_password_opens(mongo)
    with EmbeddedMongo(tmp_path) as mongo:
        assert_only_the_password_opens(mongo)


def test_data_without_a_password_gets_one(old_folder: Path) -> None:
    with EmbeddedMongo(old_folder) as mongo, items(mongo.uri) as shop:
        assert shop.find_one()["name"] == "pen"
        assert_only_the_password_opens(mongo)


def test_running_mongod_without_a_password_is_refused(tmp_path: Path) -> None:
    with old_mongod(tmp_path), LockedFile(tmp_path / "server.lock") as lock:
        assert lock.take()
        with pytest.raises(EmbeddedMongoError, match="by a server of an older version"):
            EmbeddedMongo(tmp_path).start()


@linux_only
@pytest.mark.parametrize("with_mongod", [False, True], ids=["server", "everything"])
def test_upgrade_that_is_killed_after_each_step_goes_on(
    old_folder: Path, *, with_mongod: bool
) -> None:
    for step in UPGRADE:
        killed_start(old_folder, step, with_mongod=with_mongod)
    with EmbeddedMongo(old_folder) as mongo, items(mongo.uri) as shop:
        assert shop.find_one()["name"] == "pen"
        assert_only_the_password_opens(mongo)


@linux_only
def test_first_start_that_is_killed_after_each_step_goes_on(tmp_path: Path) -> None:
    for step in FIRST_START:
        killed_start(tmp_path, step, with_mongod=True)
    with EmbeddedMongo(tmp_path) as mongo:
        assert_only_the_password_opens(mongo)
