"""A clock for a server process, which a test turns from outside."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp.hooks.specs import hookimpl
from quartapp.testing.clock import TurnedClock

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".clock"
_DONE = b"turned\n"


class ProcessClock:
    """A plugin for tests alone: the clock of the process stands still until a test turns it.

    Each process, and so each worker, listens on a port of 127.0.0.1, and writes the port into a
    file in its working directory. Install the plugin in the process, and turn the clock with
    :meth:`quartapp.testing.ServerProcess.advance`.

    Attributes:
        clock: The clock that the app uses in place of the system's clock.
    """

    name = "process-clock"

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self._server: asyncio.Server | None = None
        self._turning: set[asyncio.Task[None]] = set()

    @hookimpl
    async def startup(self) -> None:
        """Listen for tests that turn the clock."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        # The file gets its name when it is complete, so that no test reads half a port.
        written = self._file.with_suffix(".new")
        written.write_text(str(port), encoding="ascii")
        written.replace(self._file)

    @hookimpl
    async def shutdown(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._file.unlink(missing_ok=True)
            self._server.close()
            self._server = None

    @property
    def _file(self) -> Path:
        return Path.cwd() / f"{os.getpid()}{SUFFIX}"

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The process may end while its clock is turned. Of a task that asyncio makes, it would log
        # the cancellation as an error.
        if self._server is None:
            writer.close()
            return
        task = asyncio.create_task(self._turn(reader, writer))
        self._turning.add(task)
        task.add_done_callback(self._turning.discard)

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.clock.advance(float(await reader.readline()))
        writer.write(_DONE)
        await writer.drain()
        writer.close()


def clock_ports(folder: Path) -> Iterator[tuple[int, int]]:
    """Find the processes whose clock can be turned.

    Args:
        folder: Working directory of the processes.

    Yields:
        Process id and port of each process.
    """
    for path in folder.glob(f"*{SUFFIX}"):
        yield int(path.stem), int(path.read_text(encoding="ascii"))


async def turn(port: int, seconds: float) -> None:
    """Turn the clock of the process that listens on ``port``.

    Args:
        port: Port of the process on 127.0.0.1.
        seconds: Time to turn the clock by, in seconds.

    Raises:
        OSError: The process is gone.
        AssertionError: The process ended while its clock was turned.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{seconds!r}\n".encode())
        assert await reader.readline() == _DONE, "the process ended"  # noqa: S101 - in tests
    finally:
        writer.close()
        await writer.wait_closed()
