"""A mongod of a test's own, to be stopped, frozen, killed and started again at the same port."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymongo
from pymongo.errors import PyMongoError

from quartapp.embedded.mongo import find_mongod
from quartapp.server.listening import listen
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ENDS = (signal.SIGKILL, signal.SIGTERM)


class Mongod:
    """One mongod, standalone or a member of a replica set.

    Args:
        folder: Folder of its data and its log; made when missing.
        options: Options of ``mongod`` beside those that each one gets.
        key_file: Key file of the replica set, with which the client is let in; None for a mongod
            that lets everybody in.

    Attributes:
        port: TCP port, the same for each start.
        address: Host and port.
        uri: URI of this mongod alone, with the database ``quartapp``.
        client: Client of this mongod alone.
        key: Content of the key file; None without one.
    """

    def __init__(
        self, folder: Path, options: Sequence[str] = (), key_file: Path | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        login: dict[str, str] = {}
        self.key = None if key_file is None else key_file.read_text(encoding="ascii")
        if self.key is not None:
            options = (*options, "--keyFile", str(key_file))
            login = {"username": "__system", "password": self.key, "authSource": "local"}
        with listen("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.uri = f"mongodb://{self.address}/quartapp?directConnection=true"
        self.client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            self.uri, serverSelectionTimeoutMS=500, connect=False, **login
        )
        self._command = [
            *(str(find_mongod()), "--dbpath", str(folder), "--port", str(self.port)),
            *("--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--logpath", str(folder / "log"), "--logappend", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the process, without waiting until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603

    def start(self) -> None:
        """Start, and wait until it takes writes; a replica set is made of this mongod alone."""
        self.launch()
        hello = until(self.hello)
        if hello.get("isreplicaset"):  # a member without a replica set, so far
            initiate([self], "test")
        until(self.takes_writes)

    def hello(self) -> dict[str, Any]:
        """Return the answer to ``hello``; an empty dict without an answer."""
        try:
            return self.client.admin.command("hello")
        except PyMongoError:
            return {}

    def takes_writes(self) -> bool:
        """Whether it is standalone, or the primary of its replica set."""
        return bool(self.hello().get("isWritablePrimary"))

    def send(self, number: int) -> None:
        """Send a signal, and wait until it has its effect."""
        assert self._process is not None
        self._process.send_signal(number)
        if number in ENDS:
            self._process.wait()
            self._process = None
        elif number == signal.SIGSTOP:
            # A signal takes a moment to reach every thread, in which an answer may still slip out.
            os.waitpid(self._process.pid, os.WUNTRACED)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For the time of the block, it accepts connections and answers nothing."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def end(self) -> None:
        """Close the client, and kill the process if it runs."""
        self.client.close()
        if self._process is not None:
            self.send(signal.SIGKILL)


def initiate(members: Sequence[Mongod], name: str) -> None:
    """Make one replica set of mongods that answer and were started with its name."""
    hosts = [{"_id": number, "host": member.address} for number, member in enumerate(members)]
    members[0].client.admin.command({"replSetInitiate": {"_id": name, "members": hosts}})
