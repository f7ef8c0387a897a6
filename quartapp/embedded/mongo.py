"""The embedded MongoDB: a real ``mongod`` of our own, started and stopped with the server."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import pymongo
from filelock import FileLock, Timeout
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError
from quartapp.embedded.mongod import Mongod, end_orphan, find_mongod

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Any

__all__ = ["EmbeddedMongo", "EmbeddedMongoError", "find_mongod"]

_log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_REPLICA_SET = "quartapp"
_OPLOG_MB = 256
# Replaying a long journal takes its time, and so does a mongod whose former port now belongs to
# somebody who accepts connections and says nothing: it waits 30 s for that one (6.0.5, measured).
_START_SECONDS = 90.0
_HANDOVER_SECONDS = 15.0
# Below every system's ephemeral ports (32768 on Linux, 49152 elsewhere): those are lent to outgoing
# connections, so a port from there would often be gone when the data directory is next opened.
_PORTS = range(20_000, 30_000)
_PORT_ATTEMPTS = 5
_EXIT_NET_ERROR = 48  # mongod's exit status when it cannot listen on its port
_ALREADY_INITIALIZED = 23


class EmbeddedMongo:
    """A single-node replica set in one folder, for this process only.

    It may be started and stopped from any thread; both block, so async code calls them with
    ``asyncio.to_thread``. Where this process dies without ``stop``, Linux ends the mongod with it,
    and elsewhere the next start does. There is no access control: like any service on 127.0.0.1,
    it is open to every program on this machine.

    Args:
        data_dir: where everything is kept; made when missing. One server at a time uses it.
        port: the TCP port to listen on. By default the one used before, when it is still free,
            else any free one.
        cache_mb: the size of WiredTiger's cache in MiB; mongod's minimum is 256.
        owner: the process that another server on this folder is told of; by default this one.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        cache_mb: int = 256,
        owner: int | None = None,
    ) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._db_dir = self._data_dir / "mongodb"
        self._owner_file = self._data_dir / "server.json"
        self._port_file = self._data_dir / "mongod.port"
        self._fixed_port = port
        self._owner = owner
        self._cache_gb = max(cache_mb, 256) / 1024
        # Not thread-local: the thread that stops may be another than the one that started.
        self._lock_file = self._data_dir / "server.lock"
        self._lock = FileLock(self._lock_file, thread_local=False)
        self._changing = threading.Lock()
        self._mongod: Mongod | None = None
        self._port = 0

    @property
    def uri(self) -> str:
        """The MongoDB URI, without a database name.

        Raises:
            EmbeddedMongoError: it is not started.
        """
        if self._mongod is None:
            message = "The embedded MongoDB is not started."
            raise EmbeddedMongoError(message)
        # A direct connection never follows the address stored in the replica set's configuration.
        return f"mongodb://{_HOST}:{self._port}/?directConnection=true&replicaSet={_REPLICA_SET}"

    @property
    def pid(self) -> int | None:
        """The process id of the running mongod, or None when there is none."""
        return self._mongod.pid if self._mongod else None

    def start(self) -> str:
        """Start mongod, wait until it is a writable primary, and return its URI.

        Does nothing more than return the URI when it is started already.

        Raises:
            EmbeddedMongoError: the folder cannot be used or is in use, or mongod does not run.
        """
        with self._changing:
            if self._mongod is None:
                try:
                    self._start()
                except OSError as error:
                    exists = isinstance(error, FileExistsError)
                    reason = "a file is in its place" if exists else error.strerror
                    message = (
                        f"The data directory {self._data_dir} cannot be used: {reason} "
                        f"({error.filename}). Choose a folder that can be written, or {GIVE_URI}."
                    )
                    raise EmbeddedMongoError(message) from error
            return self.uri

    def stop(self) -> None:
        """Stop mongod cleanly, or kill it when that takes more than 3 s; may be repeated."""
        with self._changing:
            self._stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        binary = find_mongod()
        # Private: what is stored is about people, and 127.0.0.1 is all that mongod itself checks.
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._acquire()
        try:
            self._db_dir.mkdir(mode=0o700, exist_ok=True)
            end_orphan(self._db_dir)
            deadline = time.monotonic() + _START_SECONDS
            mongod = self._launch(binary, deadline)
            self._become_primary(mongod, deadline)
            self._port_file.write_text(str(self._port), encoding="utf-8")
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        if self._mongod is not None:
            self._mongod.end()
            self._mongod = None
        if self._lock.is_locked:
            with suppress(OSError):
                self._owner_file.unlink()
            self._lock.release()

    def _acquire(self) -> None:
        # filelock takes some folders that cannot be written for a lock that is held.
        self._lock_file.touch(mode=0o600)
        try:
            # A server whose main process was killed lets go of its data when the others have
            # finished what they had in hand.
            self._lock.acquire(timeout=_HANDOVER_SECONDS if _is_ownerless(self._owner_file) else 0)
        except Timeout as error:
            message = (
                f"The data directory {self._data_dir} is in use by another server"
                f"{_described(self._owner_file)}. Stop that one, "
                f"or choose another data directory, or {GIVE_URI}."
            )
            raise EmbeddedMongoError(message) from error
        # Beside the lock, not in it: some versions of filelock empty the file they try to lock.
        pid = self._owner or os.getpid()
        owner = {"pid": pid, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            self._owner_file.write_text(json.dumps(owner), encoding="utf-8")
        except OSError:
            self._lock.release()
            raise

    def _launch(self, binary: Path, deadline: float) -> Mongod:
        """Return a mongod that listens; between our look and its own, anybody may take a port."""
        for port in self._ports():
            command = [
                str(binary),
                *("--dbpath", str(self._db_dir), "--replSet", _REPLICA_SET),
                *("--bind_ip", _HOST, "--port", str(port)),
                *("--wiredTigerCacheSizeGB", str(self._cache_gb), "--oplogSize", str(_OPLOG_MB)),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                *(() if sys.platform == "win32" else ("--nounixsocket",)),
            ]
            self._port = port
            self._mongod = mongod = Mongod(command, self._data_dir / "mongod.log")
            if mongod.wait_listening(deadline):
                return mongod
            mongod.end()
            if mongod.returncode != _EXIT_NET_ERROR:
                break
        raise mongod.failure()

    def _ports(self) -> Iterator[int]:
        if self._fixed_port is not None:
            yield self._fixed_port
            return
        with suppress(OSError, ValueError):
            former = int(self._port_file.read_text(encoding="utf-8"))
            if _is_free(former):
                yield former
            else:
                _log.warning("port %d of the embedded MongoDB is taken, using another", former)
        for _ in range(_PORT_ATTEMPTS):
            yield next(filter(_is_free, iter(lambda: secrets.choice(_PORTS), None)))

    def _become_primary(self, mongod: Mongod, deadline: float) -> None:
        uri = f"mongodb://{_HOST}:{self._port}/?directConnection=true"
        client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of the server's own making
        why = "it did not become primary in time"
        with pymongo.MongoClient(uri) as client, pymongo.timeout(deadline - time.monotonic()):
            while mongod.returncode is None and time.monotonic() < deadline:
                try:
                    hello = client.admin.command("hello")
                    if hello["isWritablePrimary"]:
                        return
                    if hello.get("isreplicaset"):
                        self._configure(client)
                except AutoReconnect as error:
                    # A node that finds it is not in its configuration hangs up on everybody.
                    why = str(error)
                except PyMongoError as error:
                    raise mongod.failure(str(error)) from error
                time.sleep(0.005)
        raise mongod.failure(why)

    def _configure(self, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        """Make a new folder a replica set, and an old one the replica set at this port."""
        member = {"_id": 0, "host": f"{_HOST}:{self._port}"}
        try:
            client.admin.command({"replSetInitiate": {"_id": _REPLICA_SET, "members": [member]}})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
        else:
            return
        config = client.admin.command("replSetGetConfig")["config"]
        if config["members"][0]["host"] != member["host"]:
            # Forced, since a node that does not find itself in its configuration is no primary.
            config["members"][0]["host"] = member["host"]
            config["version"] += 1
            client.admin.command({"replSetReconfig": config, "force": True})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            # As mongod does: else connections of the run before keep the port for a minute.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _is_ownerless(owner_file: Path) -> bool:
    if sys.platform == "win32":
        return False  # where signal 0 is ctrl-C
    try:
        os.kill(int(json.loads(owner_file.read_text(encoding="utf-8"))["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, KeyError):
        return False
    return False


def _described(owner_file: Path) -> str:
    try:
        owner = json.loads(owner_file.read_text(encoding="utf-8"))
        return f" (process {owner['pid']}, started {owner['started']})"
    except (OSError, ValueError, KeyError):
        return ""  # it has the lock, and has not yet said who it is
