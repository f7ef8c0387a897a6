"""Fixtures of fault tests: a replica set to break, and figures to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mongod import Mongod, initiate
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Enough for the roll calls here, and little enough to be filled on purpose.
OPLOG_MEGABYTES = 16
NAME = "faults"
FIGURES = "figures"


class ReplicaSet:
    """The members of a replica set; each may be the primary.

    Args:
        folder: Where theirs are made.
        count: How many.
        options: Of each ``mongod``.
    """

    def __init__(self, folder: Path, count: int, options: Sequence[str] = ()) -> None:
        options = ("--replSet", NAME, "--oplogSize", str(OPLOG_MEGABYTES), *options)
        self.members = [Mongod(folder / f"member{number}", options) for number in range(count)]
        hosts = ",".join(member.address for member in self.members)
        self.uri = f"mongodb://{hosts}/quartapp?replicaSet={NAME}"

    def start(self) -> None:
        for member in self.members:
            member.launch()
        until(lambda: all(member.hello() for member in self.members))
        initiate(self.members, NAME)
        self.primary()
        self.all_at_work()

    def primary(self, other_than: Mongod | None = None) -> Mongod:
        """Wait for a primary, and return it."""

        def found() -> Mongod | None:
            for member in self.members:
                if member is not other_than and member.takes_writes():
                    return member
            return None

        return until(found)

    def all_at_work(self) -> None:
        """Wait until every member is primary or secondary."""
        until(
            lambda: all(
                hello.get("isWritablePrimary") or hello.get("secondary")
                for hello in (member.hello() for member in self.members)
            )
        )


@pytest.fixture
def make_replica_set(tmp_path: Path) -> Iterator[Callable[..., ReplicaSet]]:
    """Return a function that starts mongods: ``make_replica_set(count, *options)``."""
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
    """Provide a replica set of three mongods for one test."""
    return make_replica_set(3)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return the figures of a test, which the end of the run shows even after a failure."""
    measured: dict[str, object] = {}
    request.node.user_properties.append((FIGURES, measured))
    return measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of all tests."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, measured in report.user_properties:
            if name == FIGURES and report.when == "call":
                terminalreporter.section(report.nodeid, sep="-")
                for what, value in measured.items():
                    shown = f"{value:.2f}" if isinstance(value, float) else value
                    terminalreporter.write_line(f"{what}: {shown}")
