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
from pathlib import Path
from typing import TYPE_CHECKING

from bench.client import BenchError, allow_sockets
from bench.machine import describe
from bench.report import comparison, crowd_table, document, growth_tables, promise
from bench.search import search
from bench.servers import PEER, STORING_PEER, install_peer, ours, running
from bench.sign_in import measure as beside_sign_ins
from bench.visit import QUICK, WRONG_PASSWORDS, Plan, growth, live, rest, visit
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError

if TYPE_CHECKING:
    from bench.visit import Figures

OUTPUT = Path(__file__).resolve().parents[1] / "BENCHMARKS.md"


def measure(plan: Plan, command: str) -> str:
    """Measure everything, and return the report.

    Args:
        plan: Amount of measurement.
        command: The command line, for the report.

    Raises:
        BenchError: A server did something that makes the figures worthless.
        EmbeddedMongoError: MongoDB does not run.
    """
    _say("installing the peer")
    install_peer()
    allow_sockets(plan.most_sockets)
    secret = secrets.token_hex(32)
    kinds = (ours(1), PEER, ours(2), STORING_PEER)
    runs: dict[str, list[Figures]] = {kind.name: [] for kind in kinds}
    grown: dict[str, list[Figures]] = {kind.name: [] for kind in kinds[:2]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedMongo(folder / "data") as mongo:
            # The servers take turns, so that other load on the machine affects all of them.
            for number in range(1, plan.repetitions + 1):
                for kind in kinds:
                    measured = live if kind is STORING_PEER else visit
                    with running(kind, mongo.uri, secret, folder) as server:
                        runs[kind.name].append(measured(server, plan))
                    _say(f"{kind.name}, {number} of {plan.repetitions}: {runs[kind.name][-1]}")
            for kind in kinds[:2]:
                with running(kind, mongo.uri, secret, folder) as server:
                    grown[kind.name].append(growth(server, plan))
                    if kind is not PEER:
                        grown[kind.name][-1].values |= rest(server, plan).values
                        grown[kind.name][-1].values |= search(server, plan).values
                _say(f"{kind.name}, growth: {grown[kind.name][-1]}")
            machine = describe(mongo.uri, PEER)
    crowd = beside_sign_ins(WRONG_PASSWORDS, plan.waves, plan.people, minutes=1)
    _say(f"beside sign-ins: {crowd}")
    tables = comparison(runs), promise(runs), growth_tables(grown, plan), crowd_table(crowd, plan)
    return document(*tables, machine, plan, command)


def main() -> None:
    """Measure, print the table, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, and less of everything")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write")
    options = parser.parse_args()
    command = "python -m bench --quick" if options.quick else "python -m bench"
    try:
        text = measure(QUICK if options.quick else Plan(), command)
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    options.output.write_text(text, encoding="utf-8")
    print(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
