"""Frozen clients: other clients do not notice them, and the server closes their sockets."""

from __future__ import annotations

import asyncio
import signal
import socket
import statistics
import subprocess
import sys
import time

import tests.faults.support.crowd
from tests.faults.support.crowd import Crowd, resident_mib, server_ends

OTHERS = 950  # with the teacher among them
FROZEN = 25  # of each of two kinds
STUDENTS = 20
ROUNDS = 5
MARKS = 100
MARKS_A_SECOND = 20
# Less than the server keeps for a client that does not read, and more than the kernel does beside.
FILL_BYTES, OVERFLOW_BYTES = 250_000, 5_000_000
SHOUT_BYTES = 50_000
GONE_SECONDS = 300.0
MOST_MIB = 50.0
WAIT_SECONDS = 300.0
READS_NOT, STOPPED = "who does not read", "whose process is stopped"
# As over Ethernet: by loopback's segments of 64 KiB the kernel would keep megabytes for each.
SMALL = [
    (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),
    (socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400),
]

SHOUT = """
from quartapp.parts import core
from quartapp.hooks.specs import hookimpl
from quartapp.realtime.events import EventData, EventType
from quartapp.realtime.messages import encode


class Shout(EventData):
    to: str
    size: int


class Plugin:
    name = "shout"

    @hookimpl
    def register_events(self, app):
        async def shout(connection, data):
            frame = encode("SHOUTED", {"text": "a" * data.size})
            core(app).hub.broadcast(frame, {data.to})

        return [EventType(name="SHOUT", data=Shout, handler=shout)]
"""


class Others:
    """A teacher who marks, and clients that watch."""

    def __init__(self, crowd, maths):
        self._crowd = crowd
        frozen, *rest = maths.students
        self._frozen = frozen
        self._students = [student.id for student in rest]
        self._tokens = [student.token for student in rest]
        self._teacher = crowd.open([maths.teacher.token])[0]
        self._all = {self._teacher, *crowd.open(self.tokens(OTHERS - 1))}
        self._marked = self._shouted = 0

    def tokens(self, count):
        """Return tokens for ``count`` further clients that watch."""
        return [self._tokens[number % STUDENTS] for number in range(count)]

    def frozen_tokens(self, count):
        """Return tokens for ``count`` clients that will freeze, all of one student."""
        return [self._frozen.token] * count

    def fill(self, size):
        """Send ``size`` bytes to each client that will freeze."""
        for _ in range(size // SHOUT_BYTES):
            self._shouted += 1
            self._teacher.send("SHOUT", to=self._frozen.id, size=SHOUT_BYTES)
        self.waits(1)  # the teacher's frames are handled in the order sent

    @property
    def shown(self):
        """Number of frames that each client that will freeze has received."""
        return self._marked + self._shouted

    def waits(self, marks):
        """Send ``marks`` at a steady pace; return the seconds until each watcher had each mark."""
        for member in self._all:
            member.frames = 0
        begun, sent, waits = time.perf_counter(), [], []
        deadline = begun + WAIT_SECONDS
        while len(waits) < marks * OTHERS:
            pause = begun + len(sent) / MARKS_A_SECOND - time.perf_counter()
            if len(sent) < marks and pause <= 0:
                sent.append(time.perf_counter())
                self._mark()
                continue
            assert time.perf_counter() < deadline
            for member, new in self._crowd.turn(pause if len(sent) < marks else 1.0):
                if member in self._all:
                    now = time.perf_counter()
                    came = range(member.frames - new, member.frames)
                    waits += [now - sent[number] for number in came]
        return waits

    def _mark(self):
        status = ("present", "absent")[self._marked // STUDENTS % 2]
        student = self._students[self._marked % STUDENTS]
        self._marked += 1
        self._teacher.send("ATTENDANCE_MARKED", studentId=student, status=status)


class Program:
    """Clients in a process of their own, which a test can stop like a closed laptop."""

    def __init__(self, url, tokens):
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, tests.faults.support.crowd.__file__, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._process.stdin.write("\n".join(tokens))
        self._process.stdin.close()
        said, *ports = self._process.stdout.readline().split()
        assert said == "open"
        self.ports = {int(port) for port in ports}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)


def p99(waits):
    return 1000 * statistics.quantiles(waits, n=100)[98]


def a_round(crowd, others, program, figures):
    """Run one round with frozen clients; return them with their end and the p99 around it."""
    # New ones each time: who has no room again and again within half a minute is dropped by Linux.
    before = others.shown
    small = crowd.open(others.frozen_tokens(FROZEN), SMALL)
    others.fill(SHOUT_BYTES)
    missed = others.shown - before
    crowd.until(lambda: all(one.frames == missed for one in small), WAIT_SECONDS)
    quiet = p99(others.waits(MARKS))
    crowd.freeze(small)
    program.freeze()
    begun = time.monotonic()
    others.fill(FILL_BYTES)
    queues = server_ends(crowd.address[1])
    kept = sorted(queues[member.port] for member in small)
    figures["bytes that the kernel keeps for each"] = f"{kept[0]} to {kept[-1]}"
    assert kept[0] < FILL_BYTES, "the server has nothing left to send"
    return small, begun, quiet, p99(others.waits(MARKS))


def measure(process, maths, figures):
    """Run the whole test; see its name."""
    with Crowd(process.client.url) as crowd:
        others = Others(crowd, maths)
        with Program(process.client.url, others.tokens(FROZEN)) as program:
            rounds, small = [], []
            others.waits(MARKS)
            before = most = resident_mib(process.pid)
            for _ in range(ROUNDS):
                crowd.dismiss(small)
                program.thaw()
                small, begun, *measured = a_round(crowd, others, program, figures)
                rounds.append(measured)
                most = max(most, resident_mib(process.pid))
            kinds = {READS_NOT: {member.port for member in small}, STOPPED: program.ports}
            others.fill(OVERFLOW_BYTES)
            gone, deadline = {}, time.monotonic() + GONE_SECONDS
            while len(gone) < len(kinds):
                others.waits(MARKS_A_SECOND)
                most = max(most, resident_mib(process.pid))
                held, now = server_ends(crowd.address[1]).keys(), time.monotonic()
                assert now < deadline, gone
                for kind, ports in kinds.items():
                    if not held & ports:
                        gone.setdefault(kind, now - begun)
            assert crowd.ended == 0
    for number, name in enumerate(("p99 without, ms", "p99 with frozen ones, ms")):
        figures[name] = statistics.median(measured[number] for measured in rounds)
    figures["each round, ms"] = ", ".join(f"{a:.1f} and {b:.1f}" for a, b in rounds)
    figures |= {f"{kind}, gone after, s": seconds for kind, seconds in gone.items()}
    figures["memory grew, MiB"] = most - before


async def test_frozen_clients_are_closed_and_the_others_get_everything(
    serve_process, lesson, figures, installed
):
    """Alternate phases with and without frozen clients, and print the medians."""
    process = await serve_process(PYTHONPATH=installed("shout", SHOUT))
    maths = await lesson(process.client, students=STUDENTS + 1)
    await maths.start()
    await asyncio.to_thread(measure, process, maths, figures)
    figures["closed as their outbox was full"] = process.stderr.count("outbox overflow")
    assert figures["closed as their outbox was full"] == FROZEN
    assert figures["memory grew, MiB"] < MOST_MIB
    assert "Traceback" not in process.stderr, process.stderr
    assert await process.terminate() == 0
