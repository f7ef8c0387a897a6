"""What people have: one teacher with one socket, and a school at its first bell."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.client import BenchError, Sockets, milliseconds
from bench.fanout import Measurement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.client import Person, RollCall, Socket
    from bench.servers import Server

ROLL = 30
WATCHING = (30, 200, 1000)
WINDOWS = (1, 8)
# All marks of a socket fit into the burst that a server allows at its defaults.
WARM_UP_MARKS, MARKS = 150, 750
LESSON_RATE = 1.0
REST_ROLLS = (30, 3000)
REST_SOCKETS = 100
CLASSES, CLASS_SIZE = 60, 34


def one_socket(server: Server, marks: int) -> dict[str, float]:
    """Measure marks of one teacher's only socket, of which several are on their way.

    Args:
        server: The server.
        marks: Number of marks for each figure.

    Returns:
        Deliveries per second, and milliseconds from sending a mark to its arrival at the last
        socket, by name.
    """
    found: dict[str, float] = {}
    for watching in WATCHING:
        for window in WINDOWS:
            run = Measurement(server.api, server.seeder.roll_call(server.api, ROLL), 1)
            run.open(watching)
            run.ahead(min(marks, WARM_UP_MARKS), window)
            figures = run.ahead(marks, window)
            run.end()
            for name, value in figures.items():
                found[f"{watching}_{window}_{name}"] = value
    return found


def lesson(server: Server, marks: int) -> dict[str, float]:
    """Measure a class of 30 whose teacher marks one student a second, as people do."""
    run = Measurement(server.api, server.seeder.roll_call(server.api, ROLL), 1)
    run.open(ROLL + 1)
    timed = run.to_last(marks, LESSON_RATE)
    run.end()
    return {"lesson_p50_ms": timed["p50_ms"], "lesson_p99_ms": timed["p99_ms"]}


def rest(server: Server, roll: int, query: str = "") -> float:
    """Measure a MARK_REST for a whole roll, in milliseconds until the last socket has all marks.

    Args:
        server: The server.
        roll: Number of students on the roll.
        query: Query of the sockets' address; ``?frames=v1`` for frames of version 1.
    """
    roll_call = server.seeder.roll_call(server.api, roll)
    frames = 1 if query else roll
    sockets = Sockets()
    tokens = [roll_call.teacher.token, *(one.token for one in roll_call.students)]
    sockets.open(server.api, tokens, min(roll + 1, REST_SOCKETS), query)
    for one in sockets.all:
        one.frames = 0
    sent = time.perf_counter()
    sockets.all[0].send("MARK_REST", status="present")
    sockets.wait(frames)
    taken = time.perf_counter() - sent
    sockets.all[0].send("DONE")
    sockets.wait(frames + 1)
    sockets.close()
    return round(taken * 1000, 1)


@dataclass(slots=True)
class _Class:
    """A class with its teacher's socket and those of the students who have come."""

    roll_call: RollCall
    teacher: Socket
    due: float
    # For each socket, its frames and the marks of the class when it came.
    members: dict[Socket, tuple[int, int]] = field(default_factory=dict)
    marked: int = 0
    sent: float = 0.0
    missing: int = 0


class Bell:
    """A first bell: students come in, class by class, while their teachers mark once a second.

    Each class has a session of its own, so the server is in scope ``class``.

    Args:
        server: The server.
        seconds: Time in which all students come, in seconds.
        students: Number of students who come.
    """

    def __init__(self, server: Server, seconds: float, students: int) -> None:
        self._server = server
        self._seconds = seconds
        self._students = students
        self._sockets = Sockets()
        self._classes: list[_Class] = []
        self._class_of: dict[Socket, _Class] = {}
        self._shown: list[float] = []
        self._opened: list[float] = []

    def measure(self) -> dict[str, float]:
        """Let the bell ring, and return the figures.

        Raises:
            BenchError: Somebody has not got a mark that was made after they came.
        """
        for number in range(CLASSES):
            roll_call = self._server.seeder.roll_call(self._server.api, CLASS_SIZE)
            teacher = self._open(roll_call.teacher)
            room = _Class(roll_call, teacher, due=number / CLASSES)
            self._classes.append(room)
            self._join(room, teacher)
        memory, cpu = self._server.resident(), self._server.cpu_seconds()
        begun = time.perf_counter()
        for room in self._classes:
            room.due += begun
        for number in range(self._students):
            self._mark_until(begun + number * self._seconds / self._students)
            self._come(self._classes[number % CLASSES], number // CLASSES)
        self._mark_until(begun + self._seconds)
        while any(room.missing for room in self._classes):
            self._read(1.0)
        taken = time.perf_counter() - begun
        cpu, grown = self._server.cpu_seconds() - cpu, self._server.resident() - memory
        self._check()
        self._sockets.close()
        shown, opened = milliseconds(self._shown), milliseconds(self._opened)
        return {
            "sockets": len(self._class_of),
            "marks": len(self._shown),
            "mark_p50_ms": shown["p50_ms"],
            "mark_p99_ms": shown["p99_ms"],
            "open_p50_ms": opened["p50_ms"],
            "open_p99_ms": opened["p99_ms"],
            "cpu": round(cpu / taken, 2),
            "kib": round(grown / self._students, 1),
        }

    def _open(self, person: Person) -> Socket:
        self._sockets.open(self._server.api, [person.token], len(self._sockets.all) + 1)
        return self._sockets.all[-1]

    def _join(self, room: _Class, one: Socket) -> None:
        room.members[one] = one.frames, room.marked
        self._class_of[one] = room

    def _come(self, room: _Class, number: int) -> None:
        """Let a student open a socket, and ask for the own mark."""
        # Whoever comes between a mark and its broadcast may get it or not.
        while room.missing:
            self._read(1.0)
        began = time.perf_counter()
        student = self._open(room.roll_call.students[number])
        student.send("MY_ATTENDANCE", classId=room.roll_call.class_id)
        while not student.frames:
            self._read(1.0)
        self._opened.append(time.perf_counter() - began)
        self._join(room, student)

    def _mark_until(self, moment: float) -> None:
        """Send the marks that are due, and read, up to a moment."""
        while (now := time.perf_counter()) < moment:
            for room in self._classes:
                if room.due <= now and not room.missing:
                    self._mark(room)
            self._read(min(moment - now, 0.005))

    def _mark(self, room: _Class) -> None:
        students = room.roll_call.students
        student = students[room.marked % len(students)]
        status = ("present", "absent")[room.marked // len(students) % 2]
        room.marked += 1
        room.due += 1.0
        room.missing = len(room.members)
        room.sent = time.perf_counter()
        room.teacher.send(
            "ATTENDANCE_MARKED",
            classId=room.roll_call.class_id,
            studentId=student.id,
            status=status,
        )

    def _read(self, seconds: float) -> None:
        for one in self._sockets.readable(seconds):
            before = one.frames
            one.read()
            room = self._class_of.get(one)
            if room is not None and one.frames > before:
                room.missing -= one.frames - before
                if not room.missing:
                    self._shown.append(time.perf_counter() - room.sent)

    def _check(self) -> None:
        for room in self._classes:
            for one, (frames, marked) in room.members.items():
                if one.frames - frames != room.marked - marked:
                    raise BenchError(f"{one.frames - frames} of {room.marked - marked} marks came")


def table(ours: Mapping[str, float], peer: Mapping[str, float]) -> list[str]:
    """Return the lines that compare one teacher's only socket.

    Args:
        ours: Medians of quartapp with one process.
        peer: Medians of the peer.
    """
    lines = [
        "| One teacher, one socket | deliveries/s: ours | peer | ratio | p50, ms: ours | peer "
        "| p99, ms: ours | peer | client |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for watching in WATCHING:
        for window in WINDOWS:
            name = f"{watching}_{window}"
            rate = [found[f"{name}_deliveries_per_second"] for found in (ours, peer)]
            cells = [
                f"{watching:,} watching, {window} on {'its' if window == 1 else 'their'} way",
                *(f"{value:,.0f}" for value in rate),
                f"{rate[0] / rate[1]:.2f}",
                *(f"{found[f'{name}_{p}_ms']:g}" for p in ("p50", "p99") for found in (ours, peer)),
                " / ".join(f"{found[f'{name}_client_cpu']:.2f}" for found in (ours, peer)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| A lesson: 30 students, one mark a second, to the last, ms | p50 | p99 |",
        "|---|--:|--:|",
        f"| ours, 1 process | {ours['lesson_p50_ms']:g} | {ours['lesson_p99_ms']:g} |",
        f"| peer | {peer['lesson_p50_ms']:g} | {peer['lesson_p99_ms']:g} |",
    ]
    return lines


def bell_table(bell: Mapping[str, float], seconds: float) -> list[str]:
    """Return the lines about a first bell.

    Args:
        bell: The figures.
        seconds: Time in which all students came.
    """
    return [
        f"| First bell: {bell['sockets'] - CLASSES:,.0f} students of {CLASSES} classes come within "
        f"{seconds:g} s, {CLASSES} teachers mark once a second | ours, 1 process |",
        "|---|--:|",
        f"| Marks | {bell['marks']:,.0f}, none lost |",
        f"| Mark to the last of the class, ms | p50 {bell['mark_p50_ms']:g}, "
        f"p99 {bell['mark_p99_ms']:g} |",
        f"| Opening a socket, up to the own mark, ms | p50 {bell['open_p50_ms']:g}, "
        f"p99 {bell['open_p99_ms']:g} |",
        f"| Share of a core | {bell['cpu']:g} |",
        f"| Memory for a student's socket, KiB | {bell['kib']:g} |",
    ]
