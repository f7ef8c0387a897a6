"""Whether the time of a refused sign-in tells who has an account.

The script starts a server with an embedded MongoDB in a new folder, which takes registrations by
invitation. It tries, in turn, an address with an account and a wrong password, and an address
without an account, each address once. The answers are the same, and their times should be. The
processor time of the server tells both apart as well, and other work on the machine hardly affects
it.

``python bench/enumeration.py --tries 200``
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, quantiles

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import http.client  # noqa: E402

from bench.client import PASSWORD, BenchError  # noqa: E402
from bench.servers import Server, ours, running  # noqa: E402
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError  # noqa: E402

INVITED = replace(ours(1), name="invited", settings={"QUARTAPP_AUTH_REGISTRATION": "invite"})
ANSWER_SECONDS = 60.0
WARM_UP = 10


def refused_after(connection: http.client.HTTPConnection, email: str) -> float:
    """Return the seconds until a sign-in is refused.

    Args:
        connection: Connection to the server.
        email: Address that is tried with a wrong password.

    Raises:
        BenchError: The answer is another one.
    """
    body = json.dumps({"email": email, "password": "wrong horse"})
    begun = time.perf_counter()
    connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    taken = time.perf_counter() - begun
    if (answer.status, told.get("error")) != (400, "Invalid email or password"):
        raise BenchError(f"a sign-in is answered {answer.status} {told}")
    return taken


def times(server: Server, tries: int) -> dict[str, list[tuple[float, float]]]:
    """Return the times of both kinds of refusals, each with the processor time, in milliseconds.

    Args:
        server: The server.
        tries: Number of refusals of each kind.
    """
    count = tries + WARM_UP
    known = server.seeder.accounts(count, PASSWORD)
    unknown = [f"{secrets.token_hex(12)}@{email.partition('@')[2]}" for email in known]
    found: dict[str, list[tuple[float, float]]] = {"known": [], "unknown": []}
    connection = http.client.HTTPConnection(
        server.api.host, server.api.port, timeout=ANSWER_SECONDS
    )
    for number, pair in enumerate(zip(known, unknown, strict=True)):
        both = list(zip(("known", "unknown"), pair, strict=True))
        # Neither kind is always the first, as what follows a refusal may cost the next one time.
        for kind, email in both if number % 2 else both[::-1]:
            used = server.cpu_seconds()
            taken = refused_after(connection, email)
            found[kind].append((taken * 1000, (server.cpu_seconds() - used) * 1000))
    connection.close()
    return {kind: both[WARM_UP:] for kind, both in found.items()}


def measure(tries: int) -> dict[str, float]:
    """Return medians, widths of the middle half, processor times and differences, in milliseconds.

    Args:
        tries: Number of refusals of each kind.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedMongo(Path(name) / "data") as mongo,
        running(INVITED, mongo.uri, secrets.token_hex(32), Path(name)) as server,
    ):
        found = times(server, tries)
    figures: dict[str, float] = {}
    for kind, both in found.items():
        lower, middle, upper = quantiles([taken for taken, _ in both], n=4)
        figures |= {
            f"{kind}_median_ms": middle,
            f"{kind}_half_ms": upper - lower,
            f"{kind}_cpu_ms": mean(used for _, used in both),
        }
    for name in ("median_ms", "cpu_ms"):
        figures[f"difference_{name}"] = abs(figures[f"known_{name}"] - figures[f"unknown_{name}"])
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = measure(options.tries)
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(found) if options.json else f"{options.tries} tries of each: {found}")


if __name__ == "__main__":
    main()
