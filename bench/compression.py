"""The setting ``websocket_compression``: memory, processor time and bytes, without it and with it.

The script starts servers with an embedded MongoDB in a new folder. All clients offer
permessage-deflate. Each figure is of the server's processes, without mongod.

``python bench/compression.py --sockets 1000 --marks 2000``
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.client import BenchError, Sockets, allow_sockets  # noqa: E402
from bench.servers import ours, running  # noqa: E402
from quartapp.embedded.mongo import EmbeddedMongo, EmbeddedMongoError  # noqa: E402

if TYPE_CHECKING:
    from bench.client import RollCall
    from bench.servers import Server

OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
ROLL, LARGE_ROLL = 30, 3000
LISTENERS = 200
# Marks that are under way at once, which keep the server busy.
MARKS_AHEAD = 8
RETURNS = 50
ABSENT_IN = 10
VERSIONS = {"plain": "?", "v1": "?frames=v1&"}

Figures = dict[str, float]


def idle(server: Server, roll_call: RollCall, count: int) -> Figures:
    """Measure the memory of sockets that receive nothing.

    Args:
        server: The server.
        roll_call: A class with a live session.
        count: Number of sockets.
    """
    sockets, before = Sockets(), server.resident()
    sockets.open(server.api, tokens_of(roll_call), count, headers=OFFER)
    grown = server.resident() - before
    sockets.close()
    return {"socket_kib": round(grown / count, 2)}


def broadcasts(server: Server, roll_call: RollCall, marks: int) -> Figures:
    """Measure broadcasts of marks to ``LISTENERS`` sockets.

    Args:
        server: The server.
        roll_call: A class with a live session.
        marks: Number of marks.
    """
    found: Figures = {}
    for name, query in VERSIONS.items():
        sockets = Sockets()
        sockets.open(server.api, tokens_of(roll_call), LISTENERS, query, OFFER)
        teacher, student = sockets.all[0], roll_call.students[0].id
        bytes_before, cpu = teacher.received, server.cpu_seconds()
        for number in range(marks):
            status = ("present", "absent")[number % 2]
            teacher.send("ATTENDANCE_MARKED", studentId=student, status=status)
            if number >= MARKS_AHEAD:
                sockets.wait(number - MARKS_AHEAD)
        sockets.wait(marks)
        found[f"mark_{name}_cpu_us"] = round((server.cpu_seconds() - cpu) / marks * 1e6)
        found[f"mark_{name}_bytes"] = round((teacher.received - bytes_before) / marks, 1)
        sockets.close()
    return found


def states(server: Server, students: int) -> Figures:
    """Measure the state of a session, which a client gets that comes back after a long time.

    Args:
        server: The server.
        students: Number of students on the roll; all of them have a mark, and one in
            ``ABSENT_IN`` is absent. Their ids follow each other, as after an import.
    """
    found: Figures = {}
    roll_call = server.seeder.roll_call(server.api, students)
    sockets = Sockets()
    sockets.open(server.api, tokens_of(roll_call), 1, VERSIONS["v1"])
    absent = roll_call.students[::ABSENT_IN]
    for number, student in enumerate(absent):
        sockets.all[0].send("ATTENDANCE_MARKED", studentId=student.id, status="absent")
        sockets.wait(number - MARKS_AHEAD)
    sockets.all[0].send("MARK_REST", status="present")
    sockets.wait(len(absent) + 1)
    for name, query in VERSIONS.items():
        cpu, received = server.cpu_seconds(), 0
        for _ in range(RETURNS):
            back = Sockets()
            back.open(server.api, tokens_of(roll_call), 1, f"{query}since=1", OFFER)
            back.wait(1)
            received += back.all[0].received
            back.close()
        found[f"state_{students}_{name}_cpu_us"] = round(
            (server.cpu_seconds() - cpu) / RETURNS * 1e6
        )
        found[f"state_{students}_{name}_bytes"] = round(received / RETURNS)
    sockets.close()
    return found


def tokens_of(roll_call: RollCall) -> list[str]:
    """Return the tokens of all people of a class, the teacher's first."""
    return [roll_call.teacher.token, *(student.token for student in roll_call.students)]


def measure(sockets: int, marks: int) -> dict[str, Figures]:
    """Return all figures, without compression and with it.

    Args:
        sockets: Number of idle sockets.
        marks: Number of broadcasts.
    """
    allow_sockets(sockets)
    found = {}
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as name, EmbeddedMongo(Path(name) / "data") as mongo:
        for setting in ("off", "on"):
            kind = ours(1)
            settings = {**kind.settings, "QUARTAPP_WEBSOCKET_COMPRESSION": setting}
            kind = replace(kind, name=setting, database=f"bench_{setting}", settings=settings)
            with running(kind, mongo.uri, secret, Path(name)) as server:
                roll_call = server.seeder.roll_call(server.api, ROLL)
                found[setting] = {
                    **idle(server, roll_call, sockets),
                    **broadcasts(server, roll_call, marks),
                    **states(server, ROLL),
                    **states(server, LARGE_ROLL),
                }
    return found


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--marks", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        found = measure(options.sockets, options.marks)
    except (BenchError, EmbeddedMongoError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if options.json:
        print(json.dumps(found))
        return
    for name, without in found["off"].items():
        print(f"{name}: {without:g} without compression, {found['on'][name]:g} with it")


if __name__ == "__main__":
    main()
