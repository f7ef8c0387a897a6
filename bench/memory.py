"""Start-up and size: time from start to ready, memory when idle and for each socket (Linux).

The script starts a server with an embedded MongoDB in a new folder. The figures leave mongod out.

``python bench/memory.py --sockets 500 1000``
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A script's own folder comes first on the path, where http.py would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.client import Api, BenchError, Sockets, allow_sockets  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP_SECONDS = 15


class Server:
    """``quartapp serve`` on a free port.

    Args:
        process: Process of the server.
        port: Port on which the server listens.
        ready_seconds: Time from the start until the server reported that it serves, in seconds.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, ready_seconds: float) -> None:
        self.api = Api(f"http://127.0.0.1:{port}")
        self.ready_seconds = ready_seconds
        self._status = Path(f"/proc/{process.pid}/status")

    def resident(self) -> int:
        """Return the resident memory in KiB (VmRSS of proc(5)), without child processes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text())
        if found is None:
            raise BenchError("the server is gone")
        return int(found[1])


@contextmanager
def served() -> Iterator[Server]:
    """Run a server with an empty data directory for the duration of the context.

    Raises:
        BenchError: The server does not start.
    """
    with tempfile.TemporaryDirectory() as data_dir:
        command = [sys.executable, "-m", "quartapp.cli", "serve", "--port", "0"]
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--data-dir", data_dir], stdout=subprocess.PIPE, text=True
        )
        try:
            yield Server(process, _port(process), time.perf_counter() - begun)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[str]) -> int:
    for text in process.stdout or ():
        found = re.search(r"server running on PORT (\d+)", text)
        if found:
            return int(found[1])
    raise BenchError("the server does not start")


def measure(counts: list[int]) -> dict[str, Any]:
    """Return all figures.

    Args:
        counts: Numbers of open sockets at which memory is measured.
    """
    allow_sockets(max(counts))
    with served() as server:
        idle = server.resident()
        roll_call = server.api.start_roll_call(30)
        used = server.resident()
        sockets = Sockets()
        by_count = {}
        for count in sorted(counts):
            sockets.open(server.api, [student.token for student in roll_call.students], count)
            by_count[str(count)] = round((server.resident() - used) / count, 1)
        sockets.close()
    return {
        "ready_seconds": round(server.ready_seconds, 2),
        "idle_mib": round(idle / 1024, 1),
        "used_mib": round(used / 1024, 1),
        "socket_kib": by_count,
    }


def line(figures: dict[str, Any]) -> str:
    """Return the figures as text."""
    each = ", ".join(f"{size} KiB each at {n}" for n, size in figures["socket_kib"].items())
    return (
        f"ready in {figures['ready_seconds']} s | idle {figures['idle_mib']} MiB, "
        f"after some requests {figures['used_mib']} MiB | sockets: {each}"
    )


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sockets", type=int, nargs="+", default=[500, 1000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        figures = measure(options.sockets)
    except (BenchError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(figures) if options.json else line(figures))


if __name__ == "__main__":
    main()
