"""The time from signing a person out everywhere until the last of their sockets is closed.

The script starts servers with an embedded MongoDB in a new folder. All sockets are of one person.

``python bench/revocation.py --sockets 400 --workers 1 2 --rounds 5``
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.client import ANSWER_SECONDS, BenchError, Sockets  # noqa: E402
from bench.servers import ours, running  # noqa: E402
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError  # noqa: E402

if TYPE_CHECKING:
    from bench.servers import Server


def closed_after(server: Server, count: int) -> float:
    """Return the seconds from the request until the last socket is closed.

    Args:
        server: The server.
        count: Number of sockets.

    Raises:
        BenchError: A socket stays open, or a token is valid still.
    """
    person = server.api.sign_up("student")
    sockets = Sockets()
    sockets.open(server.api, [person.token], count)
    left = set(sockets.all)
    begun = time.perf_counter()
    server.api.call("POST", "/auth/logout-all", person.token)
    while left:
        if time.perf_counter() - begun > ANSWER_SECONDS:
            raise BenchError(f"{len(left)} of {count} sockets stay open")
        for one in sockets.readable(0.01):
            try:
                one.read()
            except (BenchError, ConnectionError):  # it was closed
                left.discard(one)
                sockets.drop(one)
    taken = time.perf_counter() - begun
    sockets.close()
    return taken


def measure(sockets: int, workers: int, rounds: int) -> dict[str, float]:
    """Return the median and the longest time, in milliseconds.

    Args:
        sockets: Number of sockets.
        workers: Number of processes of the server.
        rounds: Number of people who are signed out, one after another.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedMongo(Path(name) / "data") as mongo,
        running(ours(workers), mongo.uri, secrets.token_hex(32), Path(name)) as server,
    ):
        times = [closed_after(server, sockets) * 1000 for _ in range(rounds)]
    return {"median_ms": round(median(times), 1), "max_ms": round(max(times), 1)}


def main() -> None:
    """Measure, and print a line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sockets", type=int, default=400)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = {
            count: measure(options.sockets, count, options.rounds) for count in options.workers
        }
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if options.json:
        print(json.dumps(found))
        return
    for count, figures in found.items():
        print(f"{count} workers: {figures}")


if __name__ == "__main__":
    main()
