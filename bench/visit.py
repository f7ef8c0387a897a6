"""What is measured of one running server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import http
from bench.client import Sockets
from bench.fanout import Measurement

if TYPE_CHECKING:
    from bench.client import Person
    from bench.servers import Server

ROLL = 30
CONNECTIONS = 16
# Of the teacher: a server handles the frames of one socket in turn, so that these are as many
# marks as can be under way.
SENDERS = 32
MANY_SENDERS = 64
FEW_STUDENTS = 10
MARKS_PER_SECOND = 10.0
# Opened before memory is first looked at: the first ones bring what is needed once.
FIRST_SOCKETS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        repetitions: Of each server, in turn.
        seconds: For each throughput.
        timed_marks: For each latency.
        idle_sockets: Whose memory is looked at.
        socket_counts: Numbers of sockets to see growth at.
        roll_sizes: Numbers of students on the roll to see growth at.
    """

    repetitions: int = 3
    seconds: float = 3.0
    timed_marks: int = 200
    idle_sockets: int = 2000
    socket_counts: tuple[int, ...] = (100, 1000, 2500, 5000)
    roll_sizes: tuple[int, ...] = (30, 300, 3000)

    @property
    def most_sockets(self) -> int:
        """At one time."""
        return max(self.idle_sockets + FIRST_SOCKETS, *self.socket_counts)


QUICK = Plan(
    repetitions=1,
    seconds=1.0,
    timed_marks=30,
    idle_sockets=500,
    socket_counts=(100, 1000),
    roll_sizes=(30, 3000),
)


@dataclass(slots=True)
class Figures:
    """By name: what was measured, and the share of a core that the client took meanwhile."""

    values: dict[str, float] = field(default_factory=dict)
    client: dict[str, float] = field(default_factory=dict)


def visit(server: Server, plan: Plan) -> Figures:
    """Everything but growth."""
    idle = memory(server, plan.idle_sockets)  # before anything else has grown the process
    found = live(server, plan)
    found.values["memory"] = idle
    for name, request in _requests(server).items():
        answers = http.measure(server.api, request, CONNECTIONS, plan.seconds)
        found.values[name] = answers["requests_per_second"]
        found.client[name] = answers["client_cpu"]
    return found


def live(server: Server, plan: Plan) -> Figures:
    """Of these, what the live session does."""
    found = Figures()
    for sockets in (200, 1000):
        run = _roll_call(server, ROLL, SENDERS)
        run.open(sockets)
        if sockets == 1000:
            timed = run.to_last(plan.timed_marks, MARKS_PER_SECOND)
            found.values["last_p50"], found.values["last_p99"] = timed["p50_ms"], timed["p99_ms"]
        fanout = _warm_throughput(run, plan.seconds)
        run.end()
        found.values[f"fanout_{sockets}"] = fanout["deliveries_per_second"]
        found.client[f"fanout_{sockets}"] = fanout["client_cpu"]
    found.values["marks"], found.client["marks"] = marks(server, ROLL, plan.seconds)
    return found


def memory(server: Server, count: int) -> float:
    """KiB for each of ``count`` sockets that nothing happens on."""
    roll_call = server.seeder.roll_call(server.api, ROLL)
    tokens = [student.token for student in roll_call.students]
    sockets = Sockets()
    sockets.open(server.api, tokens, FIRST_SOCKETS)
    before = server.resident()
    sockets.open(server.api, tokens, FIRST_SOCKETS + count)
    grown = server.resident() - before
    sockets.close()
    return round(grown / count, 1)


def marks(server: Server, roll: int, seconds: float) -> tuple[float, float]:
    """Marks/s that are stored with hardly anybody watching, and the client's share."""
    run = _roll_call(server, roll, MANY_SENDERS)
    run.open(MANY_SENDERS + FEW_STUDENTS)
    stored = _warm_throughput(run, seconds)
    run.end()
    return stored["marks_per_second"], stored["client_cpu"]


def growth(server: Server, plan: Plan) -> Figures:
    """Latency to the last of ever more sockets, and marks/s of ever longer rolls."""
    found = Figures()
    run = _roll_call(server, ROLL, 1)
    for count in plan.socket_counts:
        run.open(count)
        timed = run.to_last(plan.timed_marks, MARKS_PER_SECOND)
        found.values[f"last_{count}"] = timed["p50_ms"]
    run.end()
    for size in plan.roll_sizes:
        name = f"roll_{size}"
        found.values[name], found.client[name] = marks(server, size, plan.seconds)
    return found


def _warm_throughput(run: Measurement, seconds: float) -> dict[str, float]:
    run.throughput(http.WARM_UP_SECONDS)
    return run.throughput(seconds)


def _roll_call(server: Server, students: int, senders: int) -> Measurement:
    return Measurement(server.api, server.seeder.roll_call(server.api, students), senders)


def _requests(server: Server) -> dict[str, bytes]:
    roll_call = server.seeder.roll_call(server.api, ROLL)
    room = roll_call.class_id

    def request(path: str, person: Person) -> bytes:
        return (
            f"GET /api/v1{path} HTTP/1.1\r\nHost: {server.api.host}:{server.api.port}\r\n"
            f"Authorization: Bearer {person.token}\r\n\r\n"
        ).encode()

    return {
        "me": request("/auth/me", roll_call.teacher),
        "class": request(f"/class/{room}", roll_call.teacher),
        "my": request(f"/attendance/{room}/my-attendance", roll_call.students[0]),
    }
