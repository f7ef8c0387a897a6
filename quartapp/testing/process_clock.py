"""A clock for a server in a process of its own, which a test turns from outside."""

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
    """A plugin, for tests alone: the clock of its process stands still until a test turns it.

    Each process, of several workers too, listens on a port of 127.0.0.1, and writes which into a
    file in its working directory. Install the plugin in the process, and turn its clock with
    :meth:`quartapp.testing.ServerProcess.advance`.

    Attributes:
        clock: The clock that the app takes in place of the system's.
    """

    name = "process-clock"

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self._server: asyncio.Server | None = None

    @hookimpl
    async def startup(self) -> None:
        """Listen for those who turn the clock."""
        self._server = await asyncio.start_server(self._turn, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        # Renamed: a file that is there is whole.
        written = self._file.with_suffix(".new")
        written.write_text(str(port), encoding="ascii")
        written.replace(self._file)

    @hookimpl
    async def shutdown(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._file.unlink(missing_ok=True)
            self._server.close()

    @property
    def _file(self) -> Path:
        return Path.cwd() / f"{os.getpid()}{SUFFIX}"

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.clock.advance(float(await reader.readline()))
        writer.write(_DONE)
        await writer.drain()
        writer.close()


def clock_ports(folder: Path) -> Iterator[tuple[int, int]]:
    """The processes in ``folder`` whose clock can be turned: process id and port of each."""
    for path in folder.glob(f"*{SUFFIX}"):
        yield int(path.stem), int(path.read_text(encoding="ascii"))


async def turn(port: int, seconds: float) -> None:
    """Turn the clock of the process that listens on ``port``.

    Args:
        port: The process's.
        seconds: How far.

    Raises:
        OSError: The process is gone.
        AssertionError: The process ended meanwhile.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{seconds!r}\n".encode())
        assert await reader.readline() == _DONE, "the process ended"  # noqa: S101 - in tests
    finally:
        writer.close()
        await writer.wait_closed()
