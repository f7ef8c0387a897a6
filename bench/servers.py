"""The servers that are compared, each as a process of its own on one MongoDB."""

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
# Settings of whoever runs this have no part in what is measured.
_FOREIGN = re.compile(
    r"^(QUARTAPP_.*|PORT|MONGODB_URI|URI|JWT_SECRET|NODE_OPTIONS|STORE_MARKS)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A server that can be started.

    Attributes:
        name: In figures.
        command: What starts it.
        folder: Its working directory; None for one without settings.
        database: Its own database.
        settings: Environment variables of its own.
    """

    name: str
    command: tuple[str, ...]
    database: str
    folder: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def ours(workers: int) -> Kind:
    """quartapp, with so many processes."""
    command = (sys.executable, "-m", "quartapp.cli", "serve", "--workers", str(workers))
    return Kind(f"ours{workers}", command, f"bench_ours{workers}")


PEER = Kind("peer", ("node", "server.js"), "bench_peer", PEER_FOLDER)
STORING_PEER = replace(
    PEER, name="storing_peer", database="bench_storing_peer", settings={"STORE_MARKS": "1"}
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        api: Where it is.
        seeder: Makes classes in its database.
        process: Its main process.
    """

    api: Api
    seeder: Seeder
    process: subprocess.Popen[str]

    def processes(self) -> list[int]:
        """Its main process and those that it started."""
        found = [self.process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            found += map(int, children.read_text().split())
        return found

    def resident(self) -> int:
        """The resident memory of all its processes in KiB (VmRSS of proc(5))."""
        return sum(_status_kib(pid, "VmRSS") for pid in self.processes())

    def cpu_seconds(self) -> float:
        """The processor time that all its processes have used."""
        return sum(map(cpu_seconds, self.processes()))


def cpu_seconds(pid: int) -> float:
    """The processor time of a process, in user and kernel (utime and stime of proc(5))."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _status_kib(pid: int, field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise BenchError("the server is gone")
    return int(found[1])


def install_peer() -> None:
    """Install the peer's packages, exactly those of its lock file.

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
    """A server until the end of the block.

    Args:
        kind: Which.
        uri: Of the MongoDB.
        jwt_secret: What it signs tokens with.
        folder: For its log, and to work in.

    Raises:
        BenchError: It does not start.
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
            cwd=kind.folder or folder,  # a quartapp.toml or .env of somebody is not read there
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
