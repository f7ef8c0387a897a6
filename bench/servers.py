"""The compared servers, each in its own process, all on one MongoDB."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.client import Api, BenchError
from bench.seed import Seeder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PEER_FOLDER = Path(__file__).parent / "peer"
STOP_SECONDS = 20.0
INSTALL_SECONDS = 300.0
# Settings in the environment of the user must not affect the measurement.
_FOREIGN = re.compile(
    r"^(QUARTAPP_.*|PORT|MONGODB_URI|URI|JWT_SECRET|NODE_OPTIONS|STORE_MARKS)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A server that can be started.

    Attributes:
        name: Name in the figures.
        command: Command that starts the server.
        folder: Working directory; None for a folder without settings.
        database: Name of the server's database.
        settings: Environment variables of the server.
    """

    name: str
    command: tuple[str, ...]
    database: str
    folder: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def ours(workers: int) -> Kind:
    """Return quartapp with a number of worker processes."""
    command = (sys.executable, "-m", "quartapp.cli", "serve", "--workers", str(workers))
    settings = {"QUARTAPP_AUTH_REGISTRATION": "open"}
    return Kind(f"ours{workers}", command, f"bench_ours{workers}", settings=settings)


PEER = Kind("peer", ("node", "server.js"), "bench_peer", PEER_FOLDER)
STORING_PEER = replace(
    PEER, name="storing_peer", database="bench_storing_peer", settings={"STORE_MARKS": "1"}
)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        api: Routes of the server.
        seeder: Maker of classes in the server's database.
        process: Main process of the server.
    """

    api: Api
    seeder: Seeder
    process: subprocess.Popen[str]

    def processes(self) -> list[int]:
        """Return the ids of the main process and its children."""
        found = [self.process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            found += map(int, children.read_text().split())
        return found

    def resident(self) -> int:
        """Return the resident memory of all processes, in KiB (VmRSS of proc(5))."""
        return sum(_status_kib(pid, "VmRSS") for pid in self.processes())

    def cpu_seconds(self) -> float:
        """Return the processor time that all processes have used, in seconds."""
        return sum(map(cpu_seconds, self.processes()))


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process, in seconds (utime and stime of proc(5)).

    Args:
        pid: Id of the process.
    """
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _status_kib(pid: int, field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise BenchError("the server is gone")
    return int(found[1])


def install_peer() -> None:
    """Install the packages in the peer's lock file.

    Raises:
        BenchError: npm is missing, or fails.
    """
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=PEER_FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except FileNotFoundError as error:
        raise BenchError("the peer needs Node.js with npm") from error
    if done.returncode:
        raise BenchError(f"npm ci: {done.stderr.strip()}")


@contextmanager
def running(kind: Kind, uri: str, jwt_secret: str, folder: Path) -> Iterator[Server]:
    """Run a server for the duration of the context.

    Args:
        kind: The server to start.
        uri: URI of MongoDB.
        jwt_secret: Secret with which the server signs tokens.
        folder: Folder for the log, and working directory of a server without one.

    Raises:
        BenchError: The server does not start.
    """
    base, _, options = uri.partition("?")
    environment = {key: value for key, value in os.environ.items() if not _FOREIGN.match(key)}
    environment |= {
        "MONGODB_URI": f"{base}{kind.database}?{options}",
        "JWT_SECRET": jwt_secret,
        "PORT": "0",
        "NODE_ENV": "production",
        **kind.settings,
    }
    with (folder / f"{kind.name}.log").open("a+") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            kind.command,
            cwd=kind.folder or folder,  # a folder without quartapp.toml and .env
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            port = _port(process)
            if port is None:
                log.seek(0)
                raise BenchError(f"{kind.name} does not start: {log.read()[-2000:]}")
            seeder = Seeder(uri, kind.database, jwt_secret)
            yield Server(Api(f"http://127.0.0.1:{port}"), seeder, process)
        finally:
            _end(process)


def _port(process: subprocess.Popen[str]) -> int | None:
    for text in process.stdout or ():
        found = re.search(r"server running on PORT (\d+)", text)
        if found:
            return int(found[1])
    return None


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
