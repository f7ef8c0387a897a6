"""The embedded MongoDB: a real ``mongod`` that runs for as long as a process uses it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from pymongo.errors import OperationFailure, PyMongoError

from quartapp.embedded.access import (
    AUTHENTICATION_FAILED,
    KEY_FILE,
    PASSWORD_FILE,
    REPLICA_SET,
    OtherPasswordError,
    access_in,
)
from quartapp.embedded.address import address_in
from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError
from quartapp.embedded.mongod import end_orphan, find_mongod, start_failure, start_mongod
from quartapp.embedded.replica_set import NotPrimaryError, become_primary, is_primary
from quartapp.embedded.share import Share
from quartapp.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from quartapp.embedded.access import Access

__all__ = ["EmbeddedMongo", "EmbeddedMongoError", "find_mongod"]

_OPLOG_MB = 256
# Longer than the transactions of an import take, also on a busy machine; MongoDB's own is 60.
TRANSACTION_SECONDS = 10
# Older versions gave each server a mongod with a TCP port, and stored the process id here.
_OWNER_FILE = "server.json"
# A long journal takes time to replay. The first start on a folder of such an older version can
# also take long: mongod waits 30 s for a foreign program on the former port that accepts
# connections and says nothing (6.0.5, measured).
START_SECONDS = 90.0


class EmbeddedMongo:
    """A single-node replica set in one folder, shared by all processes that use the folder.

    The first process starts the mongod and the last ends it; a killed process counts as gone. A
    mongod that ends by itself is started again, after pauses of 1 to 30 seconds, and is given up
    after five minutes. Any thread may start and stop the database; both calls block, so async code
    makes them with ``asyncio.to_thread``. The mongod listens on a Unix socket in the folder, which
    is open to its owner alone (on Windows, mongod listens on 127.0.0.1), and lets in who has the
    password in the folder. The data of a version without a password gets one at the first start.

    Args:
        data_dir: Folder of the data; a missing folder is made.
        cache_mb: Size of WiredTiger's cache in MiB, for the process that starts the mongod;
            mongod's minimum is 256.
    """

    def __init__(self, data_dir: Path, *, cache_mb: int = 256) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._db_dir = self._data_dir / "mongodb"
        # The file exists until the first start has finished.
        self._first_file = self._data_dir / "mongod.first"
        self._cache_gb = max(cache_mb, 256) / 1024
        self._address = address_in(self._data_dir)
        self._access: Access | None = None
        self._share = Share(self._data_dir)
        self._changing = threading.Lock()

    @property
    def uri(self) -> str:
        """The MongoDB URI with the password, without a database name.

        Raises:
            EmbeddedMongoError: The database is not started.
        """
        if self._access is None or not self._share.is_taken:
            message = "The embedded MongoDB is not started."
            raise EmbeddedMongoError(message)
        return self._access.uri(self._address.in_uri)

    @property
    def pid(self) -> int | None:
        """The process id of the mongod, or None while none runs."""
        if not self._share.is_taken or not self._share.is_mongod_kept:
            return None
        try:
            pid = int((self._db_dir / "mongod.lock").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if is_running(pid) else None

    def start(self) -> str:
        """Start mongod or join the running one, wait until it is a primary, and return the URI.

        A second call only returns the URI.

        Raises:
            EmbeddedMongoError: The folder cannot be used, or mongod does not run.
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
        """Stop using the database; a second call does nothing.

        If no other process uses the database, mongod stops cleanly; mongod is killed if that takes
        more than ``STOP_SECONDS``.
        """
        with self._changing:
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
        # Only the owner may enter the folder: the data is about people.
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + START_SECONDS
        with self._share.taking(deadline):
            self._access = access = access_in(self._data_dir)
            if not (self._share.is_mongod_kept and self._can_join(access, deadline)):
                self._launch(access, deadline)
            self._finish_first_start()

    def _can_join(self, access: Access, deadline: float) -> bool:
        """Wait until the running mongod is a primary; return False if that mongod is ending."""
        if described := self._describe_older_server():
            raise self._in_use(f"by a server of an older version{described}")
        try:
            if not is_primary(access.uri(self._address.in_uri)):
                # The process that started the mongod was killed before the mongod was set up.
                self._set_up(access, deadline, may_change=False)
        except EmbeddedMongoError:
            if self._share.is_mongod_kept:
                raise
            return False
        return True

    def _launch(self, access: Access, deadline: float) -> None:
        binary = find_mongod()
        self._db_dir.mkdir(mode=0o700, exist_ok=True)
        end_orphan(self._db_dir)
        self._clear_unfinished_first_start()
        (self._data_dir / _OWNER_FILE).unlink(missing_ok=True)
        command = [
            str(binary),
            *("--dbpath", str(self._db_dir), "--replSet", REPLICA_SET),
            *self._address.prepare(),
            *access.options,
            # Nothing here needs either, and both have had holes (CVE-2025-14847 in zlib's).
            *("--networkMessageCompressors", "disabled", "--noscripting"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb), "--oplogSize", str(_OPLOG_MB)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # Until then, what a killed server was about to change refuses every other change.
            *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"),
        ]
        start_mongod(command, self._data_dir, deadline)
        self._set_up(access, deadline, may_change=True)

    def _clear_unfinished_first_start(self) -> None:
        # A mongod that ends while it first becomes a replica set leaves files that may prevent the
        # next start ("missing featureCompatibilityVersion document"; 6.0.5). No process has had
        # its address by then, so the files hold no data.
        if self._first_file.exists():
            shutil.rmtree(self._db_dir)
            self._db_dir.mkdir(mode=0o700)
        if not any(self._db_dir.iterdir()):
            self._first_file.touch(mode=0o600)

    def _finish_first_start(self) -> None:
        if self._first_file.exists():
            self._first_file.unlink()
            if sys.platform != "win32":
                # After a power failure the file must not be back: it would have data deleted.
                folder = os.open(self._data_dir, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def _set_up(self, access: Access, deadline: float, *, may_change: bool) -> None:
        address = self._address
        try:
            become_primary(
                access.key_uri(address.in_uri),
                address.host,
                deadline,
                lambda: self._share.is_mongod_kept,
            )
            access.let_in(address.in_uri, may_change=may_change)
        except OtherPasswordError as error:
            raise self._in_use(f"with another password than in {PASSWORD_FILE}") from error
        except (NotPrimaryError, PyMongoError) as error:
            if isinstance(error, OperationFailure) and error.code == AUTHENTICATION_FAILED:
                # A mongod of an older version has no key, and nobody has to give it a password.
                user = f"by a server of an older version, or with another key than in {KEY_FILE}"
                raise self._in_use(user) from error
            raise start_failure(self._data_dir, str(error)) from error

    def _in_use(self, how: str) -> EmbeddedMongoError:
        return EmbeddedMongoError(
            f"The data directory {self._data_dir} is in use {how}. Stop the server that uses it, "
            f"or choose another data directory, or {GIVE_URI}."
        )

    def _describe_older_server(self) -> str:
        """Describe the server of an older version that uses the folder; empty without one."""
        try:
            text = (self._data_dir / _OWNER_FILE).read_text(encoding="utf-8")
        except OSError:
            return ""
        with suppress(ValueError, KeyError):
            owner = json.loads(text)
            return f" (process {owner['pid']}, started {owner['started']})"
        return " "
