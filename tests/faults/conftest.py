"""What fault tests need: a replica set to break, and figures to print."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from quartapp.embedded.mongo import find_mongod
from quartapp.server.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

START_SECONDS = 120.0
POLL_SECONDS = 0.02
# Enough for the roll calls here, and little enough to be filled on purpose.
OPLOG_MEGABYTES = 16
FIGURES = "figures"


class Member:
    """One mongod of a replica set.

    Args:
        folder: Its own; made here.
        options: Of ``mongod``, beside those that each has.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True)
        with listen("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._command = [
            *(str(find_mongod()), "--dbpath", str(folder), "--port", str(self.port)),
            *("--replSet", "faults", "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", str(OPLOG_MEGABYTES)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--logpath", str(folder / "log"), "--logappend", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            f"mongodb://{self.address}/?directConnection=true", serverSelectionTimeoutMS=500
        )

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait()
            self._process = None
        elif number == signal.SIGSTOP:
            # It takes a moment to reach every thread, in which an answer may still slip out.
            os.waitpid(self._process.pid, os.WUNTRACED)

    def end(self) -> None:
        self.client.close()
        if self._process is not None:
            self.send(signal.SIGKILL)

    def hello(self) -> dict[str, Any]:
        """What it says of itself; nothing while it does not answer."""
        try:
            return self.client.admin.command("hello")
        except PyMongoError:
            return {}


class ReplicaSet:
    """Members, of which each may be primary.

    Args:
        folder: Where theirs are made.
        count: How many.
        options: Of each ``mongod``.
    """

    def __init__(self, folder: Path, count: int, options: Sequence[str] = ()) -> None:
        self.members = [Member(folder / f"member{number}", options) for number in range(count)]
        hosts = ",".join(member.address for member in self.members)
        self.uri = f"mongodb://{hosts}/quartapp?replicaSet=faults"

    def start(self) -> None:
        for member in self.members:
            member.start()
        hosts = [
            {"_id": number, "host": member.address} for number, member in enumerate(self.members)
        ]
        self._until(lambda: all(member.hello() for member in self.members))
        self.members[0].client.admin.command(
            {"replSetInitiate": {"_id": "faults", "members": hosts}}
        )
        self.primary()
        self.all_at_work()

    def primary(self, other_than: Member | None = None) -> Member:
        """The member that takes writes; waits until there is one."""

        def found() -> Member | None:
            for member in self.members:
                if member is not other_than and member.hello().get("isWritablePrimary"):
                    return member
            return None

        return self._until(found)

    def all_at_work(self) -> None:
        """Wait until every member is primary or secondary."""
        self._until(
            lambda: all(
                hello.get("isWritablePrimary") or hello.get("secondary")
                for hello in (member.hello() for member in self.members)
            )
        )

    def _until(self, question: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + START_SECONDS
        while not (answer := question()):
            assert time.monotonic() < deadline, "the replica set does not come to that"
            time.sleep(POLL_SECONDS)
        return answer


@pytest.fixture
def make_replica_set(tmp_path: Path) -> Iterator[Callable[..., ReplicaSet]]:
    """Makes mongods of this test alone: ``make_replica_set(count, *options)``."""
    made: list[ReplicaSet] = []

    def make(count: int, *options: str) -> ReplicaSet:
        made.append(ReplicaSet(tmp_path / f"set{len(made)}", count, options))
        made[-1].start()
        return made[-1]

    yield make
    for member in (member for each in made for member in each.members):
        member.end()


@pytest.fixture
def replica_set(make_replica_set: Callable[..., ReplicaSet]) -> ReplicaSet:
    """Three mongods of this test alone, one of them primary."""
    return make_replica_set(3)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, object]:
    """What a test measured; shown at the end of the run, whatever becomes of the test."""
    measured: dict[str, object] = {}
    request.node.user_properties.append((FIGURES, measured))
    return measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures of every test that has some."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, measured in report.user_properties:
            if name == FIGURES and report.when == "call":
                terminalreporter.section(report.nodeid, sep="-")
                for what, value in measured.items():
                    shown = f"{value:.2f}" if isinstance(value, float) else value
                    terminalreporter.write_line(f"{what}: {shown}")
