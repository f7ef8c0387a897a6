"""The measurements of one running server."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from bench import http, teacher
from bench.client import Sockets
from bench.fanout import Measurement

if TYPE_CHECKING:
    from bench.client import Person
    from bench.servers import Server

WRONG_PASSWORDS = 250
ROLL = 30
CONNECTIONS = 16
# Number of the teacher's sockets that mark at once: what a server can take, and no teacher has.
SENDERS = 32
MANY_SENDERS = 64
FEW_STUDENTS = 10
MARKS_PER_SECOND = 10.0
# Number of sockets opened before memory is measured: the first ones load what all others share.
FIRST_SOCKETS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """The amount of measurement.

    Attributes:
        repetitions: Number of visits to each server, in turn.
        seconds: Duration of each throughput measurement, in seconds.
        timed_marks: Number of marks for each latency.
        idle_sockets: Number of idle sockets for the memory measurement.
        socket_counts: Numbers of sockets at which growth is measured.
        roll_sizes: Numbers of students on the roll at which growth is measured.
        searches: Number of timed searches for people.
        registers: Number of timed registers of each kind.
        waves: Number of waves of ``WRONG_PASSWORDS`` that are sent at once.
        people: Number of people who then sign in, over one minute.
        window_marks: Number of marks of one teacher's only socket, for each figure.
        lesson_marks: Number of marks of a lesson, one a second.
        bell_seconds: Time in which students come at the first bell, in seconds.
        bell_students: Number of those students.
    """

    repetitions: int = 3
    seconds: float = 3.0
    timed_marks: int = 200
    idle_sockets: int = 2000
    socket_counts: tuple[int, ...] = (100, 1000, 2500, 5000)
    roll_sizes: tuple[int, ...] = (30, 300, 3000)
    searches: int = 600
    registers: int = 30
    waves: int = 4
    people: int = 400
    window_marks: int = teacher.MARKS
    lesson_marks: int = 60
    bell_seconds: float = 60.0
    bell_students: int = 2000

    @property
    def most_sockets(self) -> int:
        """Largest number of sockets that are open at one time."""
        return max(self.idle_sockets + FIRST_SOCKETS, *self.socket_counts)


QUICK = Plan(
    repetitions=1,
    seconds=1.0,
    timed_marks=30,
    idle_sockets=500,
    socket_counts=(100, 1000),
    roll_sizes=(30, 3000),
    searches=120,
    registers=10,
    waves=1,
    people=100,
    window_marks=150,
    lesson_marks=10,
    bell_seconds=10.0,
    bell_students=300,
)


@dataclass(slots=True)
class Figures:
    """The measured figures, and the client's share of a core during each measurement, by name."""

    values: dict[str, float] = field(default_factory=dict)
    client: dict[str, float] = field(default_factory=dict)


def visit(server: Server, plan: Plan) -> Figures:
    """Measure everything but growth."""
    idle = memory(server, plan.idle_sockets)  # first, before other measurements enlarge the process
    found = live(server, plan)
    found.values["memory"] = idle
    for name, request in _requests(server).items():
        answers = http.measure(server.api, request, CONNECTIONS, plan.seconds)
        found.values[name] = answers["requests_per_second"]
        found.client[name] = answers["client_cpu"]
    return found


def live(server: Server, plan: Plan) -> Figures:
    """Measure the live session only."""
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
    """Return the memory for each idle socket, in KiB.

    Args:
        server: The server.
        count: Number of sockets.
    """
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
    """Return the stored marks per second with few listeners, and the client's share of a core.

    Args:
        server: The server.
        roll: Number of students on the roll.
        seconds: Duration, in seconds.
    """
    run = _roll_call(server, roll, MANY_SENDERS)
    run.open(MANY_SENDERS + FEW_STUDENTS)
    stored = _warm_throughput(run, seconds)
    run.end()
    return stored["marks_per_second"], stored["client_cpu"]


def growth(server: Server, plan: Plan) -> Figures:
    """Measure the latency by number of sockets, and marks per second by size of the roll."""
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


def rest(server: Server, plan: Plan) -> Figures:
    """Measure the time from a MARK_REST until the last socket knows all marks of a roll."""
    found = Figures()
    for roll in teacher.REST_ROLLS:
        for name, query in (("plain", ""), ("v1", "?frames=v1")):
            taken = [teacher.rest(server, roll, query) for _ in range(plan.repetitions)]
            found.values[f"rest_{roll}_{name}"] = median(taken)
    return found


def one_teacher(server: Server, plan: Plan) -> Figures:
    """Measure one teacher with one socket, and a lesson."""
    found = teacher.one_socket(server, plan.window_marks)
    return Figures(found | teacher.lesson(server, plan.lesson_marks))


def first_bell(server: Server, plan: Plan) -> Figures:
    """Measure a first bell on a server in scope ``class``."""
    return Figures(teacher.Bell(server, plan.bell_seconds, plan.bell_students).measure())


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
