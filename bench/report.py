"""The report: the figures of quartapp and of the peer, with the targets."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.teacher import REST_ROLLS
from bench.visit import (
    WRONG_PASSWORDS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.visit import Figures, Plan

    Runs = Mapping[str, Sequence[Figures]]

ONE, TWO, PEER, STORING_PEER = "ours1", "ours2", "peer", "storing_peer"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure that is compared.

    Attributes:
        name: Name of the figure.
        title: Title for people, with the unit.
        one: Target for the ratio of one process to the peer; None for no target.
        two: Target for the ratio of two processes to the peer; None for no target.
        bound: Target for the figure of one process itself; None for no target.
        less_is_better: Whether the targets are upper limits.
    """

    name: str
    title: str
    one: float | None = None
    two: float | None = None
    bound: float | None = None
    less_is_better: bool = False

    def target(self) -> str:
        """Return the target as text."""
        sign = "≤" if self.less_is_better else "≥"
        parts = [f"{sign} {self.bound:,g}"] if self.bound is not None else []
        parts += [f"ratio {sign} {self.one}"] if self.one is not None else []
        parts += [f"with two {sign} {self.two}"] if self.two is not None else []
        return ", ".join(parts) or "-"

    def reached(self, value: float, one: float, two: float) -> str:
        """Return which part of the target is reached, as text.

        Args:
            value: Figure of one process.
            one: Ratio of one process to the peer.
            two: Ratio of two processes to the peer.
        """
        sign = -1 if self.less_is_better else 1
        compared = ((value, self.bound), (one, self.one), (two, self.two))
        answers = [
            "yes" if sign * found >= sign * wanted else "no"
            for found, wanted in compared
            if wanted is not None
        ]
        return answers[0] if len(set(answers)) == 1 else ", ".join(answers) or "-"


ROWS = (
    Row(
        "fanout_200",
        "Fan-out, 200 sockets, 32 of them marking at once: deliveries/s",
        one=1.0,
        two=1.5,
    ),
    Row(
        "fanout_1000",
        "Fan-out, 1,000 sockets, 32 of them marking at once: deliveries/s",
        one=1.0,
        two=1.5,
    ),
    Row("last_p50", "To the last of 1,000 at 10 marks/s: p50, ms", less_is_better=True),
    Row("last_p99", "the same, p99, ms", one=1.0, bound=50, less_is_better=True),
    Row("me", "`GET /auth/me`: requests/s", one=1.0, two=1.7),
    Row("class", "`GET /class/:id`: requests/s", one=1.0, two=1.7),
    Row("my", "`GET /attendance/:id/my-attendance`: requests/s", one=1.0, two=1.7),
    Row(
        "marks",
        "Marks on one session, 64 sockets marking at once, few watching: marks/s",
        bound=5000,
    ),
    Row("memory", "Memory for an idle socket: KiB", bound=40, less_is_better=True),
)


def comparison(runs: Runs) -> list[str]:
    """Return the lines of a Markdown table with the medians of all rows."""
    lines = [
        "| | ours, 1 process | ours, 2 | peer | ratio | ratio of 2 | 2 to 1 | target | reached "
        "| client |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|---|",
    ]
    for row in ROWS:
        one, two, peer = (median_of(runs[kind], row.name) for kind in (ONE, TWO, PEER))
        reached = row.reached(one, one / peer, two / peer)
        cells = [
            row.title,
            *map(_figure, (one, two, peer)),
            f"{one / peer:.2f}",
            f"{two / peer:.2f}",
            f"{two / one:.2f}",
            row.target(),
            reached,
            _clients(runs, row.name),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def promise(runs: Runs) -> list[str]:
    """Return the lines that compare the live session with a peer that also stores marks first."""
    lines = ["| | ours, 1 process | peer that stores marks | ratio |", "|---|--:|--:|--:|"]
    for row in ROWS:
        if row.name in runs[STORING_PEER][0].values:
            one, peer = (median_of(runs[kind], row.name) for kind in (ONE, STORING_PEER))
            lines.append(f"| {row.title} | {_figure(one)} | {_figure(peer)} | {one / peer:.2f} |")
    return lines


def growth_tables(grown: Runs, plan: Plan) -> list[str]:
    """Return the lines that show how figures change with size."""
    tables = []
    found = median_of(grown[ONE], "search_p50")
    few, many = plan.socket_counts[-2:]
    at_few, at_many = (median_of(grown[ONE], f"last_{count}") for count in (few, many))
    linear = at_many / at_few / (many / few)
    lowest, highest = _extremes([median_of(grown[ONE], f"roll_{n}") for n in plan.roll_sizes])
    tables += _by_size("Sockets: p50 to the last, ms", "last", plan.socket_counts, grown)
    tables += [
        "",
        f"From {few:,} to {many:,} sockets ours takes {linear:.2f} times as long for each socket "
        f"(target: linear; {'reached' if linear <= LINEAR else 'not reached'}, within {LINEAR}).",
        "",
    ]
    tables += _by_size("Roll: marks/s, few watching", "roll", plan.roll_sizes, grown)
    tables += [
        "",
        f"Ours is between {_figure(lowest)} and {_figure(highest)}: {highest / lowest:.2f} times "
        "(target: flat to within 2 times; "
        f"{'reached' if highest / lowest <= FLAT else 'not reached'}).",
        "",
        "| MARK_REST, ours with 1 process: ms to the last, of 100 at most | frames of version 1 "
        "| other frames |",
        "|---|--:|--:|",
        *(
            f"| roll of {roll:,} | {_figure(median_of(grown[ONE], f'rest_{roll}_v1'))} "
            f"| {_figure(median_of(grown[ONE], f'rest_{roll}_plain'))} |"
            for roll in REST_ROLLS
        ),
        "",
        "| First page of a search among 100,000 people, ms | p50 | p99 | target | reached |",
        "|---|--:|--:|--:|---|",
        f"| ours, 1 process, one search at a time | {_figure(found)} "
        f"| {_figure(median_of(grown[ONE], 'search_p99'))} | p50 ≤ {SEARCH_MS} "
        f"| {'yes' if found <= SEARCH_MS else 'no'} |",
        "",
        *_registers(grown),
        "",
        *_students(grown),
        "",
        *_exports(grown),
    ]
    return tables


def _registers(grown: Runs) -> list[str]:
    """Return the lines about a register of 500 students and 200 sessions."""

    def figures(name: str) -> str:
        return " | ".join(
            _figure(median_of(grown[ONE], f"{name}_{size}")) for size in ("one", "ten")
        )

    found = median_of(grown[ONE], "register_one")
    return [
        "| Register, 500 students, 200 sessions: ms | one class | among ten | target | reached |",
        "|---|--:|--:|--:|---|",
        f"| by columns, in one query | {figures('register')} | ≤ {REGISTER_MS} "
        f"| {'yes' if found <= REGISTER_MS else 'no'} |",
        f"| one document for each of 100,000 records | {figures('register_plain')} | - | - |",
        f"| the whole answer of the route | {_figure(median_of(grown[ONE], 'register_route'))} "
        "| - | - | - |",
    ]


def _students(grown: Runs) -> list[str]:
    """Return the lines about a student's five years in ten classes."""
    found = median_of(grown[ONE], "student")
    return [
        "| A student's 10,000 sessions, ten classes of 500: ms | p50 | target | reached |",
        "|---|--:|--:|---|",
        f"| by columns, in three queries | {_figure(found)} | ≤ {REGISTER_MS} "
        f"| {'yes' if found <= REGISTER_MS else 'no'} |",
        f"| 10,000 records and the days of their sessions "
        f"| {_figure(median_of(grown[ONE], 'student_plain'))} | - | - |",
        f"| the whole answer of the route "
        f"| {_figure(median_of(grown[ONE], 'student_route'))} | - | - |",
    ]


def _exports(grown: Runs) -> list[str]:
    """Return the lines about XLSX files."""
    found = {
        name: median_of(grown[ONE], f"xlsx_{name}") for name in ("seconds", "mib", "small_mib")
    }
    seconds, flat = found["seconds"], found["mib"] - found["small_mib"]
    return [
        "| Register as XLSX, 500 students, 200 sessions | | target | reached |",
        "|---|--:|--:|---|",
        f"| s | {_figure(seconds)} | ≤ {XLSX_SECONDS} "
        f"| {'yes' if seconds <= XLSX_SECONDS else 'no'} |",
        f"| peak of memory beyond that for 5 students, MiB | {_figure(round(flat, 1))} "
        f"| ≤ {XLSX_MIB} | {'yes' if flat <= XLSX_MIB else 'no'} |",
    ]


def crowd_table(crowd: Mapping[str, Any], plan: Plan) -> list[str]:
    """Return the lines that show a roll call and a request beside sign-ins.

    Args:
        crowd: Figures of :func:`bench.sign_in.measure`.
        plan: Amount of measurement.
    """
    lines = [
        "| Ours, 1 process, ms | mark: p50 | p99 | `GET /auth/me`: p50 | p99 | target | reached |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, title in (
        ("quiet", "nobody signs in"),
        ("flood", f"{WRONG_PASSWORDS} wrong passwords at once, {plan.waves} times"),
        ("bell", f"{plan.people} people sign in within a minute"),
    ):
        found = crowd[name]
        values = [
            found[f"{what}_{share}_ms"] for what in ("mark", "me") for share in ("p50", "p99")
        ]
        reached = ["yes" if value <= CROWD_MS else "no" for value in values[1::2]]
        cells = [
            title,
            *map(_figure, values),
            f"p99 ≤ {CROWD_MS}",
            ", ".join(dict.fromkeys(reached)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    answers = ", ".join(f"{n:,} times {status}" for status, n in crowd["flood_statuses"].items())
    before, after = crowd["flood_memory_mib"]
    signed_in = crowd["bell_statuses"].get(200, 0)
    return [
        *lines,
        "",
        f"The wrong passwords were answered {answers}; memory went from {before} to {after} MiB. "
        f"Of the people, {signed_in:,} of {plan.people:,} signed in.",
    ]


CROWD_MS = 50
LINEAR = 1.2
SEARCH_MS = 20
REGISTER_MS = 20
XLSX_SECONDS = 1
XLSX_MIB = 8
FLAT = 2.0


def _by_size(title: str, name: str, sizes: Sequence[int], grown: Runs) -> list[str]:
    lines = [
        f"| {title} | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---" + "|--:" * len(sizes) + "|",
    ]
    for kind, label in ((ONE, "ours, 1 process"), (PEER, "peer")):
        values = (_figure(median_of(grown[kind], f"{name}_{size}")) for size in sizes)
        lines.append(f"| {label} | {' | '.join(values)} |")
    return lines


def _figure(value: float) -> str:
    # Large numbers are whole: a plain ",g" would write a million as a power of ten.
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def median_of(runs: Sequence[Figures], name: str) -> float:
    """Return the median of a figure."""
    return median(run.values[name] for run in runs)


def _extremes(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _clients(runs: Runs, name: str) -> str:
    if name not in runs[ONE][0].client:
        return "-"
    shares = (median(run.client[name] for run in runs[kind]) for kind in (ONE, TWO, PEER))
    return " / ".join(f"{share:.2f}" for share in shares)
