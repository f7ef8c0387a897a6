"""The text of BENCHMARKS.md, made of the sections that were measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.report import ONE, PEER, comparison, median_of, promise
from bench.teacher import table
from bench.visit import CONNECTIONS, FEW_STUDENTS, MANY_SENDERS, ROLL, SENDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.report import Runs
    from bench.visit import Plan


def document(sections: Sequence[Sequence[str]], machine: Mapping[str, str], command: str) -> str:
    """Return the text of BENCHMARKS.md.

    Args:
        sections: The lines of each section.
        machine: What the figures were made on and with.
        command: The command line.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Made by `{command}` at {made} UTC. How to repeat it, and what the peer is: "
            "[bench/README.md](bench/README.md).",
            "",
            *(f"* {name}: {value}" for name, value in machine.items()),
            "",
            "Servers, database and client share this machine: the ratios mean something, the "
            "absolute figures little. With two processes on two cores, server, mongod and client "
            "want more than there is. And what comes at once goes together, into one update, one "
            "read, one write to a socket: two processes have less each to put together, so they "
            "are no twice as fast here.",
            "",
            *(line for section in sections for line in (*section, "")),
        ]
    )


def peer_section(runs: Runs, plan: Plan) -> list[str]:
    """Return the lines that compare what servers can take with the peer."""
    return [
        "## Beside the peer",
        "",
        *comparison(runs),
        "",
        f"Medians of {plan.repetitions}, the servers in turn on one mongod. *Ratio* and *ratio "
        "of 2* are to the peer, *2 to 1* is two processes of ours to one. *Client* is its "
        "share of a core with each server in that order. Where the target has several parts, "
        "so has *reached*.",
        "",
        f"* Fan-out: {SENDERS} of the sockets are a teacher's and mark at once on a roll of "
        f"{ROLL}, for {plan.seconds:g} s; the clock runs until everybody has everything. Ours "
        "stores each mark with majority before it is broadcast, the peer keeps it in memory. No "
        "teacher has so many sockets: the row is what a server can take.",
        f"* Latency: {plan.timed_marks} marks, one after the other, each to the last socket.",
        f"* HTTP: {CONNECTIONS} kept-alive connections, one request on each at a time, a class "
        f"of {ROLL}.",
        f"* Marks: {MANY_SENDERS} sockets of the teacher and {FEW_STUDENTS} of students.",
        f"* Memory: growth of the resident memory by {plan.idle_sockets:,} sockets.",
        "* People and classes are put into the database directly, and their tokens made with "
        "the server's key, since bcrypt would take longer than everything here.",
        "",
        "## Beside a peer that stores each mark",
        "",
        *promise(runs),
        "",
        "Above, the peer loses marks that were seen. Here it writes each mark with "
        "majority before it broadcasts it; the roll is still in its memory, and it is one "
        "process.",
    ]


def teacher_section(runs: Runs, plan: Plan) -> list[str]:
    """Return the lines about one teacher with one socket."""
    names = runs[ONE][0].values
    one, peer = ({name: median_of(runs[kind], name) for name in names} for kind in (ONE, PEER))
    return [
        "## One teacher, one socket",
        "",
        *table(one, peer),
        "",
        f"What people have. Medians of {plan.repetitions}, the servers in turn. The teacher sends "
        f"{plan.window_marks} marks on one socket, each as soon as fewer than the named number are "
        "on their way; times are from sending a mark to its arrival at the last socket. *Client* "
        "is its share of a core beside ours and beside the peer.",
    ]
