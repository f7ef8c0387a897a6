"""``quartapp serve`` as a process of its own, for tests that stop or kill the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from quartapp.testing.clients import DEADLINE_SECONDS, Client
from quartapp.testing.proc import at_work_on, end_worker, holder, worker_pids
from quartapp.testing.process_clock import clock_ports, turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from quartapp.realtime.broadcast import Version
    from quartapp.testing.clients import Person, Socket

START_SECONDS = 120.0
# This program runs before the server, so that the server ends with the test run, even with a killed
# one. 1 is PR_SET_PDEATHSIG (prctl(2)).
_LEASH = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
_STRICT = {"QUARTAPP_STRICT_MESSAGES": "true"}
REGISTRATION = "QUARTAPP_AUTH_REGISTRATION"
_OWN_SETTINGS = ("PORT", "MONGODB_URI", "URI", "JWT_SECRET")


class ServerProcess:
    """One run of ``quartapp serve``.

    Args:
        folder: Working directory of the process; the embedded database is in ``data`` there.
        arguments: Arguments of the command line after ``--port 0`` and ``--data-dir``.
        environment: Environment variables to add to those of this process.

    Attributes:
        client: Client of the server, once the server is ready.
        stdout: The lines of the server's standard output.
    """

    def __init__(
        self, folder: Path, arguments: Sequence[str] = (), environment: Mapping[str, str] = {}
    ) -> None:
        self._folder = folder
        self._arguments = arguments
        self._environment = environment
        self._stderr = folder / "server.stderr"
        self._process: asyncio.subprocess.Process | None = None
        self._orphans: set[int] = set()
        self.stdout: list[str] = []
        self.client = Client("http://127.0.0.1:1")

    @property
    def stderr(self) -> str:
        """The server's log so far."""
        return self._stderr.read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running().pid

    @property
    def workers(self) -> set[int]:
        """The process ids of the workers that ``--workers`` starts; only on Linux."""
        return worker_pids(self.pid)

    def worker_of(self, socket: Socket) -> int | None:
        """Return the process id of the worker that holds the other end of a socket; only on Linux.

        Args:
            socket: An open socket of this server.

        Returns:
            The process id, or None if no worker holds the socket.
        """
        _, _, port = self.client.url.rpartition(":")
        return holder(self.workers, int(port), socket.connection.local_address[1])

    async def socket_on(self, worker: int, person: Person, *, version: Version = 0) -> Socket:
        """Open a WebSocket to one worker, by opening sockets until that worker accepts one.

        Args:
            worker: Process id of the worker.
            person: The person who opens the socket.
            version: Version of frames to ask for; 0 asks for none.

        Raises:
            AssertionError: The worker accepted none within ``DEADLINE_SECONDS``.
        """
        try:
            # A worker that was just started is listed before it accepts connections.
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    socket = await self.client.socket(person, version=version)
                    if self.worker_of(socket) == worker:
                        return socket
                    await socket.close()
        except TimeoutError as error:
            raise AssertionError(f"worker {worker} takes no connection") from error

    async def start(self) -> None:
        """Start the server, and wait until it is ready.

        Raises:
            AssertionError: The server ended, or was not ready in time; the message has its output.
        """
        # On another database than its own, a server would take registrations by invitation alone.
        more = {REGISTRATION: "open"} if "MONGODB_URI" in self._environment else {}
        with self._stderr.open("wb") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                *_leashed(sys.executable, "-m", "quartapp.cli", "serve", "--port", "0"),
                *("--data-dir", str(self._folder / "data"), *self._arguments),
                cwd=self._folder,
                env={**surroundings(), **_STRICT, **more, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                port = await self._ready()
        except TimeoutError:
            raise AssertionError(f"not ready in time: {self.stdout} {self.stderr}") from None
        await self.client.close()
        self.client = Client(f"http://127.0.0.1:{port}")

    async def terminate(self) -> int:
        """Ask the server to stop (SIGTERM), and return the exit status."""
        return await self.stop(signal.SIGTERM)

    async def stop(self, number: int) -> int:
        """Send a signal, and return the exit status.

        Args:
            number: Number of the signal, such as ``signal.SIGINT``.
        """
        self._running().send_signal(number)
        return await self._ended()

    async def kill(self) -> int:
        """Kill the server (SIGKILL), and return the exit status, a negative number."""
        # The kill would reset the pool's idle connections, and they would never be closed.
        await self.client.api.aclose()
        self._orphans |= self._workers_now()
        self._running().kill()
        return await self._ended()

    async def kill_all(self) -> int:
        """Kill the server, its workers and its database; return the exit status; only on Linux."""
        await self.client.api.aclose()
        for pid in at_work_on(self._folder / "data"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return await self._ended()

    async def advance(self, seconds: float) -> None:
        """Turn the clock of the server and of all workers; needs the plugin ``ProcessClock``.

        Args:
            seconds: Time to turn the clock by, in seconds.

        Raises:
            AssertionError: No process has the plugin.
        """
        running = {self.pid, *self._workers_now()}
        ports = [port for pid, port in clock_ports(self._folder) if pid in running]
        assert ports, "install quartapp.testing.process_clock.ProcessClock"  # noqa: S101 - in tests
        await asyncio.gather(*(turn(port, seconds) for port in ports))

    async def end(self) -> None:
        """Close the client, and kill the server and the workers that still run."""
        if self._process is not None and self._process.returncode is None:
            self._orphans |= self._workers_now()
            with suppress(ProcessLookupError):
                self._process.kill()
        for orphan in self._orphans:
            # A worker that a test has stopped (SIGSTOP) would not end by itself.
            end_worker(orphan, self._folder)
        if self._process is not None:
            await self._ended()
        await self.client.close()

    def _workers_now(self) -> set[int]:
        with suppress(OSError):  # the server is gone, or this is not Linux
            return self.workers
        return set()

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "it was not started"  # noqa: S101 - in tests
        return self._process

    async def _ready(self) -> str:
        output = self._running().stdout
        assert output is not None  # noqa: S101 - it is a pipe
        async for line in output:
            self.stdout.append(line.decode().rstrip())
            if self.stdout[-1].startswith("server running on PORT "):
                return self.stdout[-1].split()[-1]
        await self._ended()
        raise AssertionError(f"it ended: {self.stdout} {self.stderr}")

    async def _ended(self) -> int:
        async with asyncio.timeout(DEADLINE_SECONDS):
            rest, _ = await self._running().communicate()
        self.stdout += rest.decode().splitlines()
        return await self._running().wait()


def _leashed(*command: str) -> tuple[str, ...]:
    if sys.platform != "linux":
        return command
    return (sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *command)


def surroundings() -> dict[str, str]:
    """Return the environment of this process without the settings of a quartapp."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in _OWN_SETTINGS and not name.startswith("QUARTAPP_")
    }
