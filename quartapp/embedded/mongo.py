"""The embedded MongoDB: a real ``mongod`` of our own, there for as long as somebody uses it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from pymongo.errors import PyMongoError

from quartapp.embedded.address import REPLICA_SET, address_in
from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError
from quartapp.embedded.mongod import end_orphan, find_mongod, start_failure, start_mongod
from quartapp.embedded.replica_set import NotPrimaryError, become_primary
from quartapp.embedded.share import Share
from quartapp.embedded.watch import watched

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["EmbeddedMongo", "EmbeddedMongoError", "find_mongod"]

_OPLOG_MB = 256
# Older versions, whose mongod had a TCP port and one server to itself, keep their process id here.
_OWNER_FILE = "server.json"
# Replaying a long journal takes its time. So does the first start on a folder from before it had a
# socket, when the port of that time belongs to somebody who accepts connections and says nothing:
# mongod waits 30 s for that one (6.0.5, measured).
START_SECONDS = 90.0


class EmbeddedMongo:
    """A single-node replica set in one folder, shared by all the processes that use the folder.

    The first of them starts the mongod and the last ends it; one that is killed counts as gone. It
    may be started and stopped from any thread; both block, so async code calls them with
    ``asyncio.to_thread``. There is no access control but that of the file system: the folder is
    open to its owner alone, and the mongod listens on a Unix socket in it. (On Windows it listens
    on 127.0.0.1, open to every program on the machine.)

    Args:
        data_dir: where everything is kept; made when missing.
        cache_mb: the size of WiredTiger's cache in MiB, for whoever starts the mongod; mongod's
            minimum is 256.
    """

    def __init__(self, data_dir: Path, *, cache_mb: int = 256) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._db_dir = self._data_dir / "mongodb"
        # There for as long as the first start has not come to its end.
        self._first_file = self._data_dir / "mongod.first"
        self._cache_gb = max(cache_mb, 256) / 1024
        self._address = address_in(self._data_dir)
        self._share = Share(self._data_dir)
        self._changing = threading.Lock()
        self._watching = ExitStack()

    @property
    def uri(self) -> str:
        """The MongoDB URI, without a database name.

        Raises:
            EmbeddedMongoError: it is not started.
        """
        if not self._share.is_taken:
            message = "The embedded MongoDB is not started."
            raise EmbeddedMongoError(message)
        return self._address.uri

    @property
    def pid(self) -> int | None:
        """The process id of the running mongod, or None when there is none."""
        if not self._share.is_taken or not self._share.is_mongod_kept:
            return None
        try:
            return int((self._db_dir / "mongod.lock").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def start(self) -> str:
        """Start mongod or find the one that runs, wait until it is a primary, and return its URI.

        Does nothing more than return the URI when it is started already.

        Raises:
            EmbeddedMongoError: the folder cannot be used, or mongod does not run.
        """
        with self._changing:
            if not self._share.is_taken:
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
        """Use it no longer; may be repeated.

        When nobody else uses it either, mongod is stopped cleanly, or killed when that takes more
        than 3 s.
        """
        with self._changing:
            self._watching.close()
            self._share.leave(self._address.remove)

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
        # Private: what is stored is about people.
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + START_SECONDS
        with self._share.taking(deadline):
            if not (self._share.is_mongod_kept and self._joins(deadline)):
                self._launch(deadline)
            self._has_finished()
            self._watching.enter_context(watched(self._data_dir))

    def _joins(self, deadline: float) -> bool:
        """Return whether the mongod that was found is of use; it may be about to end."""
        if described := self._older_server():
            message = (
                f"The data directory {self._data_dir} is in use by a server of an older "
                f"version{described}. Stop that one, or choose another data directory, "
                f"or {GIVE_URI}."
            )
            raise EmbeddedMongoError(message)
        try:
            self._become_primary(deadline)
        except EmbeddedMongoError:
            if self._share.is_mongod_kept:
                raise
            return False
        return True

    def _launch(self, deadline: float) -> None:
        binary = find_mongod()
        self._db_dir.mkdir(mode=0o700, exist_ok=True)
        end_orphan(self._db_dir)
        self._begin_anew_if_never_finished()
        (self._data_dir / _OWNER_FILE).unlink(missing_ok=True)
        command = [
            str(binary),
            *("--dbpath", str(self._db_dir), "--replSet", REPLICA_SET),
            *self._address.prepare(),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb), "--oplogSize", str(_OPLOG_MB)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        start_mongod(command, self._data_dir, deadline)
        self._become_primary(deadline)

    def _begin_anew_if_never_finished(self) -> None:
        # A mongod that is ended while it first becomes a replica set may refuse to start on what it
        # leaves ("missing featureCompatibilityVersion document"; 6.0.5). Nobody has been given its
        # address by then, so there is nothing in it.
        if self._first_file.exists():
            shutil.rmtree(self._db_dir)
            self._db_dir.mkdir(mode=0o700)
        if not any(self._db_dir.iterdir()):
            self._first_file.touch(mode=0o600)

    def _has_finished(self) -> None:
        if self._first_file.exists():
            self._first_file.unlink()
            if sys.platform != "win32":
                # It must not come back after a power failure, when there is something in it.
                folder = os.open(self._data_dir, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def _become_primary(self, deadline: float) -> None:
        try:
            become_primary(self._address, deadline, lambda: self._share.is_mongod_kept)
        except (NotPrimaryError, PyMongoError) as error:
            raise start_failure(self._data_dir, str(error)) from error

    def _older_server(self) -> str:
        """Describe the server of a version whose mongod had a port, if it has the folder."""
        try:
            text = (self._data_dir / _OWNER_FILE).read_text(encoding="utf-8")
        except OSError:
            return ""
        with suppress(ValueError, KeyError):
            owner = json.loads(text)
            return f" (process {owner['pid']}, started {owner['started']})"
        return " "
