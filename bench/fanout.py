"""Fan-out: deliveries per second, and the time of a mark to the sender and to the last client.

``python bench/fanout.py --url http://127.0.0.1:3000 --sockets 200``
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.client import ANSWER_SECONDS, Api, BenchError, Sockets, milliseconds  # noqa: E402

if TYPE_CHECKING:
    from bench.client import RollCall, Socket

FEW_SOCKETS = 30
# Number of unanswered marks on each of the teacher's sockets: enough to keep the server busy.
MARKS_AHEAD = 4
# Pause between two reads, in seconds, so that one read takes many frames. Without a pause, the
# client would use as much CPU as the server.
GATHERING_SECONDS = 0.002


class Measurement:
    """A roll call with open sockets; the first ``teachers`` of them belong to the teacher.

    Args:
        api: Routes of the server.
        roll_call: The class with a live session.
        teachers: Number of sockets that send marks.
    """

    def __init__(self, api: Api, roll_call: RollCall, teachers: int) -> None:
        self.sockets = Sockets()
        self._api = api
        self._roll_call = roll_call
        self._teachers = teachers
        self._marked = 0

    def open(self, count: int) -> None:
        """Open sockets up to a number."""
        teacher, students = self._roll_call.teacher, self._roll_call.students
        self.sockets.open(self._api, [teacher.token] * self._teachers, self._teachers)
        self.sockets.open(self._api, [student.token for student in students], count)
        for one in self.sockets.all:
            one.frames = 0

    def to_sender(self, marks: int) -> dict[str, float]:
        """Measure the time from sending a mark to its broadcast at the sender, mark by mark.

        Args:
            marks: Number of marks.
        """
        sender, taken = self.sockets.all[0], []
        already = sender.frames
        for number in range(1, marks + 1):
            sent = time.perf_counter()
            self._mark(sender)
            while sender.frames < already + number:
                self._read_once(sent)
            taken.append(time.perf_counter() - sent)
        self.sockets.wait(already + marks)
        return milliseconds(taken)

    def to_last(self, marks: int, rate: float) -> dict[str, float]:
        """Measure the time from sending a mark to its arrival at the last socket.

        Args:
            marks: Number of marks.
            rate: Marks per second; each mark is sent on time, even when earlier ones have not
                arrived.
        """
        sender, already = self.sockets.all[0], self.sockets.all[0].frames
        sent: list[float] = []
        missing = [len(self.sockets.all)] * marks
        taken: list[float] = []
        begun = time.perf_counter()
        while len(taken) < marks:
            due = begun + len(sent) / rate
            if len(sent) < marks and time.perf_counter() >= due:
                sent.append(time.perf_counter())
                self._mark(sender)
                continue
            pause = due - time.perf_counter() if len(sent) < marks else 1.0
            for one in self.sockets.readable(max(pause, 0)):
                before = one.frames - already
                one.read()
                for number in range(before, one.frames - already):
                    missing[number] -= 1
                    if not missing[number]:
                        taken.append(time.perf_counter() - sent[number])
            if time.perf_counter() - sent[-1] > ANSWER_SECONDS:
                raise BenchError("marks are missing")
        return milliseconds(taken)

    def ahead(self, marks: int, window: int) -> dict[str, float]:
        """Send marks on one socket, each as soon as fewer than ``window`` are on their way.

        Args:
            marks: Number of marks.
            window: Number of marks on their way to their sender and back.
        """
        everybody = self.sockets.all
        sender, already = everybody[0], everybody[0].frames
        sent: list[float] = []
        missing = [len(everybody)] * marks
        taken: list[float] = []
        begun, client = time.perf_counter(), time.process_time()
        while len(taken) < marks:
            while len(sent) < marks and len(sent) - (sender.frames - already) < window:
                sent.append(time.perf_counter())
                self._mark(sender)
            for one in self.sockets.readable(1.0):
                before = one.frames - already
                one.read()
                for number in range(before, one.frames - already):
                    missing[number] -= 1
                    if not missing[number]:
                        taken.append(time.perf_counter() - sent[number])
            if time.perf_counter() - sent[-1] > ANSWER_SECONDS:
                raise BenchError("marks are missing")
        lasted = time.perf_counter() - begun
        return {
            "deliveries_per_second": round(marks * len(everybody) / lasted),
            "client_cpu": round((time.process_time() - client) / lasted, 2),
            **milliseconds(taken),
        }

    def throughput(self, seconds: float) -> dict[str, float]:
        """Send marks as fast as possible on all of the teacher's sockets.

        Args:
            seconds: Time for which marks are sent, in seconds. The measurement lasts until the last
                mark has arrived.
        """
        everybody = self.sockets.all
        first, already, sent = everybody[0], everybody[0].frames, 0
        ahead = self._teachers * MARKS_AHEAD
        begun, client = time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < seconds:
            while sent - (first.frames - already) < ahead:
                self._mark(everybody[sent % self._teachers])
                sent += 1
            time.sleep(GATHERING_SECONDS)
            self._read_once(begun)
        self.sockets.wait(already + sent)
        taken = time.perf_counter() - begun
        return {
            "sockets": len(everybody),
            "deliveries_per_second": round(sent * len(everybody) / taken),
            "marks_per_second": round(sent / taken),
            "client_cpu": round((time.process_time() - client) / taken, 2),
        }

    def end(self) -> None:
        """End the session, wait until every socket has the broadcast, and close the sockets."""
        self.sockets.all[0].send("DONE")
        self.sockets.wait(self.sockets.all[0].frames + 1)
        self.sockets.close()

    def _mark(self, sender: Socket) -> None:
        students = self._roll_call.students
        # Each round over the roll sends the other status, so that every mark is a change.
        status = ("present", "absent")[self._marked // len(students) % 2]
        student = students[self._marked % len(students)]
        self._marked += 1
        sender.send("ATTENDANCE_MARKED", studentId=student.id, status=status)

    def _read_once(self, since: float) -> None:
        for one in self.sockets.readable(1.0):
            one.read()
        if time.perf_counter() - since > 10 * ANSWER_SECONDS:
            raise BenchError("marks are missing")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    api = Api(options.url)
    run = Measurement(api, api.start_roll_call(options.students), options.teachers)
    few = min(FEW_SOCKETS, options.sockets)
    run.open(few)
    to_sender = run.to_sender(options.marks)
    run.open(options.sockets)
    to_last = run.to_last(options.timed_marks, options.rate)
    throughput = run.throughput(options.seconds)
    run.end()
    return {
        "sockets": options.sockets,
        "teachers": options.teachers,
        "fanout": throughput,
        "to_last": {"sockets": options.sockets, "marks_per_second": options.rate, **to_last},
        "to_sender": {"sockets": few, **to_sender},
    }


def line(figures: dict[str, Any]) -> str:
    """Return the figures as text."""
    fanout, last, sender = figures["fanout"], figures["to_last"], figures["to_sender"]
    return (
        f"{figures['sockets']} sockets: "
        f"{fanout['deliveries_per_second']:,} deliveries/s "
        f"({fanout['marks_per_second']:,} marks/s, client {fanout['client_cpu']:.0%} of a core) | "
        f"to the last of {last['sockets']} at {last['marks_per_second']:g} marks/s: "
        f"p50 {last['p50_ms']} ms, p99 {last['p99_ms']} ms | "
        f"to the sender, {sender['sockets']} sockets: "
        f"p50 {sender['p50_ms']} ms, p99 {sender['p99_ms']} ms"
    )


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0, help="for the throughput")
    parser.add_argument("--marks", type=int, default=500, help="timed to the sender")
    parser.add_argument("--teachers", type=int, default=32, help="sockets that send marks")
    parser.add_argument("--students", type=int, default=30, help="size of the roll")
    parser.add_argument("--rate", type=float, default=10, help="marks/s while timing the last")
    parser.add_argument("--timed-marks", type=int, default=200, help="marks sent at that rate")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not 1 <= options.teachers <= options.sockets:
        parser.error("the teacher's sockets are some of --sockets, at least one")
    try:
        figures = measure(options)
    except (BenchError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(figures) if options.json else line(figures))


if __name__ == "__main__":
    main()
