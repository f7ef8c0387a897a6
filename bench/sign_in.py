"""A roll call while many sign in: a flood of wrong passwords, and the first bell of a school.

The script starts a server with an embedded MongoDB in a new folder. A teacher marks ten times a
second, the class of 30 watches, and somebody asks for ``/auth/me`` twenty times a second: first
alone, then beside waves of wrong passwords, each of another account, then beside a school that
signs in from one address. The clients share the machine with the server.

``python bench/sign_in.py --flood 250 --waves 8 --people 2000 --minutes 5``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    # A script's own folder comes first on the path, where http.py would hide Python's http.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import http.client

from bench.client import PASSWORD, BenchError, Sockets, milliseconds
from bench.servers import ours, running
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.client import RollCall
    from bench.servers import Server

ROLL = 30
MARKS_PER_SECOND = 10.0
ASKS_PER_SECOND = 20.0
QUIET_SECONDS = 20.0
AT_ONCE_AT_THE_BELL = 16
ANSWER_SECONDS = 60.0

Statuses = dict[int, int]


class Watch:
    """Times marks and requests in threads of its own, until it is stopped.

    Args:
        server: The server.
        roll_call: A class with a live session.
    """

    def __init__(self, server: Server, roll_call: RollCall) -> None:
        self._server = server
        self._roll_call = roll_call
        self._over = threading.Event()
        self._marks: list[float] = []
        self._asks: list[float] = []
        self._sockets = Sockets()
        people = [roll_call.teacher, *roll_call.students]
        self._sockets.open(server.api, [one.token for one in people], len(people))
        self._threads = [threading.Thread(target=work) for work in (self._mark, self._ask)]

    def start(self) -> None:
        """Begin to measure."""
        for thread in self._threads:
            thread.start()

    def forget(self) -> None:
        """Begin anew."""
        self._marks.clear()
        self._asks.clear()

    def taken(self) -> dict[str, float]:
        """Return the figures since the last call of :meth:`forget`, in milliseconds."""
        found = {}
        for name, times in (("mark", self._marks), ("me", self._asks)):
            for share, value in milliseconds(times).items():
                found[f"{name}_{share}"] = value
            found[f"{name}_max_ms"] = round(max(times) * 1000, 2)
        return found

    def stop(self) -> None:
        """End the measurement."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._sockets.close()

    def _mark(self) -> None:
        teacher, due, number = self._sockets.all[0], time.perf_counter(), 0
        while not self._over.is_set():
            student = self._roll_call.students[number % ROLL].id
            status = ("present", "absent")[number // ROLL % 2]
            number += 1
            begun = time.perf_counter()
            teacher.send("ATTENDANCE_MARKED", studentId=student, status=status)
            self._sockets.wait(number)
            self._marks.append(time.perf_counter() - begun)
            due += 1 / MARKS_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))

    def _ask(self) -> None:
        api, due = self._server.api, time.perf_counter()
        connection = http.client.HTTPConnection(api.host, api.port, timeout=ANSWER_SECONDS)
        headers = {"Authorization": f"Bearer {self._roll_call.teacher.token}"}
        while not self._over.is_set():
            begun = time.perf_counter()
            connection.request("GET", "/api/v1/auth/me", headers=headers)
            connection.getresponse().read()
            self._asks.append(time.perf_counter() - begun)
            due += 1 / ASKS_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
        connection.close()


def sign_ins(
    host: str, port: int, emails: Sequence[str], password: str, at_once: int, seconds: float
) -> tuple[Statuses, list[float]]:
    """Sign people in, and return how many answers had which status, and the times in seconds.

    Args:
        host: Host of the server.
        port: Port of the server.
        emails: Addresses of the accounts.
        password: Password to send.
        at_once: Number of connections.
        seconds: Time over which the requests are spread; 0 for all at once.
    """
    begun, gap = time.perf_counter(), seconds / len(emails)

    def one(number: int) -> tuple[int, float]:
        time.sleep(max(0.0, begun + number * gap - time.perf_counter()))
        asked = time.perf_counter()
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        body = json.dumps({"email": emails[number], "password": password})
        connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, time.perf_counter() - asked

    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(one, range(len(emails))))
    return dict(Counter(status for status, _ in answers)), [taken for _, taken in answers]


def beside(watch: Watch, work: Callable[[], object]) -> dict[str, float]:
    """Do something, and return the figures of the roll call meanwhile.

    Args:
        watch: The running measurement.
        work: What is done.
    """
    watch.forget()
    work()
    return watch.taken()


def measure(flood: int, waves: int, people: int, minutes: float) -> dict[str, Any]:
    """Return all figures, by what goes on meanwhile.

    Args:
        flood: Number of wrong passwords at once.
        waves: Number of times that they are sent, one after another.
        people: Number of people who sign in.
        minutes: Time over which they sign in.
    """
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedMongo(Path(name) / "data") as mongo,
        running(ours(1), mongo.uri, secrets.token_hex(32), Path(name)) as server,
        # A process of their own, so that their threads do not delay the clients of the roll call.
        multiprocessing.get_context("spawn").Pool(1) as others,
    ):
        emails = server.seeder.accounts(max(flood, people), PASSWORD)
        watch = Watch(server, server.seeder.roll_call(server.api, ROLL))
        host, port = server.api.host, server.api.port
        watch.start()
        try:
            time.sleep(1)
            found["quiet"] = beside(watch, lambda: time.sleep(QUIET_SECONDS))
            before = server.resident()
            statuses: Counter[int] = Counter()

            def wrong() -> None:
                for _ in range(waves):
                    wave = (host, port, emails[:flood], "wrong horse", flood, 0.0)
                    statuses.update(others.apply(sign_ins, wave)[0])

            found["flood"] = beside(watch, wrong)
            found["flood_statuses"] = dict(statuses)
            found["flood_memory_mib"] = [round(mib / 1024) for mib in (before, server.resident())]

            def right() -> None:
                bell = (host, port, emails[:people], PASSWORD, AT_ONCE_AT_THE_BELL, minutes * 60)
                answers, times = others.apply(sign_ins, bell)
                found["bell_statuses"] = answers
                found["bell_sign_ins"] = milliseconds(times)

            found["bell"] = beside(watch, right)
        finally:
            watch.stop()
    return found


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flood", type=int, default=250)
    parser.add_argument("--waves", type=int, default=8)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = measure(options.flood, options.waves, options.people, options.minutes)
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if options.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name}: {figures}")


if __name__ == "__main__":
    main()
