"""The whole comparison: quartapp with one and with two processes, and the peer, on one MongoDB.

The peer runs a second time in a variant that stores each mark before the broadcast, as quartapp
does.

``python -m bench`` prints a table and writes BENCHMARKS.md; ``--quick`` takes a minute or two.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.client import BenchError, allow_sockets
from bench.document import document, peer_section, teacher_section
from bench.exports import exports
from bench.machine import describe
from bench.register import register
from bench.report import crowd_table, growth_tables
from bench.search import search
from bench.servers import PEER, STORING_PEER, install_peer, ours, running
from bench.sign_in import measure as beside_sign_ins
from bench.student import student
from bench.teacher import bell_table
from bench.visit import (
    FIRST_SOCKETS,
    QUICK,
    WRONG_PASSWORDS,
    Plan,
    first_bell,
    growth,
    live,
    one_teacher,
    rest,
    visit,
)
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.report import Runs
    from bench.servers import Kind, Server
    from bench.visit import Figures

OUTPUT = Path(__file__).resolve().parents[1] / "BENCHMARKS.md"


@dataclass(frozen=True, slots=True)
class Bench:
    """One run.

    Attributes:
        plan: Amount of measurement.
        uri: URI of the mongod that all servers use.
        secret: Secret with which all servers sign tokens.
        folder: Folder for logs.
    """

    plan: Plan
    uri: str
    secret: str
    folder: Path

    def visited(self, kind: Kind, measure: Callable[[Server, Plan], Figures]) -> Figures:
        """Start a server, and measure it."""
        with running(kind, self.uri, self.secret, self.folder) as server:
            found = measure(server, self.plan)
        _say(f"{kind.name}: {found}")
        return found

    def in_turn(self, *measures: tuple[Kind, Callable[[Server, Plan], Figures]]) -> Runs:
        """Measure servers in turn, so that other load on the machine affects all of them."""
        runs: dict[str, list[Figures]] = {kind.name: [] for kind, _ in measures}
        for _ in range(self.plan.repetitions):
            for kind, measure in measures:
                runs[kind.name].append(self.visited(kind, measure))
        return runs

    def peer(self) -> list[str]:
        """Compare what servers can take."""
        kinds = (ours(1), visit), (PEER, visit), (ours(2), visit), (STORING_PEER, live)
        return peer_section(self.in_turn(*kinds), self.plan)

    def teacher(self) -> list[str]:
        """Compare one teacher with one socket."""
        runs = self.in_turn((ours(1), one_teacher), (PEER, one_teacher))
        return teacher_section(runs, self.plan)

    def bell(self) -> list[str]:
        """Measure a first bell, which the peer with its one session cannot have."""
        by_class = {"QUARTAPP_ATTENDANCE_SCOPE": "class"}
        kind = replace(ours(1), settings={**ours(1).settings, **by_class}, database="bench_bell")
        found = self.visited(kind, first_bell)
        return ["## First bell", "", *bell_table(found.values, self.plan.bell_seconds)]

    def growth(self) -> list[str]:
        """Measure how figures change with size."""
        grown = {kind.name: [self.visited(kind, growth)] for kind in (ours(1), PEER)}
        for measure in (rest, search, register, student):
            grown[ours(1).name][0].values |= self.visited(ours(1), measure).values
        grown[ours(1).name][0].values |= exports(self.plan.repetitions).values
        return ["## Growth", "", *growth_tables(grown, self.plan)]

    def crowd(self) -> list[str]:
        """Measure a roll call beside sign-ins."""
        plan = self.plan
        found = beside_sign_ins(WRONG_PASSWORDS, plan.waves, plan.people, minutes=1)
        _say(f"beside sign-ins: {found}")
        return ["## Beside sign-ins", "", *crowd_table(found, plan)]


PARTS = ("peer", "teacher", "bell", "growth", "crowd")


def measure(plan: Plan, command: str, parts: Sequence[str] = PARTS) -> str:
    """Measure, and return the report.

    Args:
        plan: Amount of measurement.
        command: The command line, for the report.
        parts: Names of the parts to measure.

    Raises:
        BenchError: A server did something that makes the figures worthless.
        EmbeddedMongoError: MongoDB does not run.
    """
    _say("installing the peer")
    install_peer()
    allow_sockets(max(plan.most_sockets, plan.bell_students + FIRST_SOCKETS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedMongo(folder / "data") as mongo:
            bench = Bench(plan, mongo.uri, secrets.token_hex(32), folder)
            sections = [getattr(bench, part)() for part in parts if part != "crowd"]
            machine = describe(mongo.uri, PEER)
    # On a machine with no other mongod.
    sections += [bench.crowd() for part in parts if part == "crowd"]
    return document(sections, machine, command)


def main() -> None:
    """Measure, print the tables, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, and less of everything")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"some of {', '.join(PARTS)}; no file is written without --output",
    )
    parser.add_argument("--output", type=Path, help=f"the file to write instead of {OUTPUT.name}")
    options = parser.parse_args()
    whole = tuple(options.only) == PARTS
    command = "python -m bench" + " --quick" * options.quick
    if not whole:
        command += f" --only {' '.join(options.only)}"
    try:
        text = measure(QUICK if options.quick else Plan(), command, options.only)
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if whole or options.output:
        (options.output or OUTPUT).write_text(text, encoding="utf-8")
    print(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
