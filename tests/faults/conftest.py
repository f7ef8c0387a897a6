"""What fault tests need: a replica set to break, and figures to print."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from quartapp.embedded import find_mongod
from quartapp.server import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_SECONDS = 60.0
POLL_SECONDS = 0.02
FIGURES = "figures"


class Member:
    """One mongod of a replica set."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        with listen("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._command = [
            *(str(find_mongod()), "--dbpath", str(folder), "--port", str(self.port)),
            *("--replSet", "faults", "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--logpath", str(folder / "log"), "--logappend"),
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
        if number == signal.SIGKILL:
            self._process.wait()
            self._process = None

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
    """Members, of which each may be primary."""

    def __init__(self, folder: Path, count: int) -> None:
        self.members = [Member(folder / f"member{number}") for number in range(count)]
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
def replica_set(tmp_path: Path) -> Iterator[ReplicaSet]:
    """Three mongods of this test alone, one of them primary."""
    made = ReplicaSet(tmp_path / "set", 3)
    try:
        made.start()
        yield made
    finally:
        for member in made.members:
            member.end()


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
