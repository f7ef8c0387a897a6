"""The watch over the embedded mongod: logs its end and its return, and knows when it is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from quartapp.embedded.address import address_in
from quartapp.embedded.failures import MongodLostError
from quartapp.embedded.keeper import LOCK_FILE, LOG_FILE
from quartapp.embedded.locks import is_free
from quartapp.embedded.mongod import reason_of_end, why_down
from quartapp.ending import end_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from quartapp.embedded.address import Address, Connection

_log = logging.getLogger(__name__)

# mongod's connections end first, and then the keeper writes down the reason.
_ENDED_SECONDS = 5.0
_POLL_SECONDS = 0.05


def watch_of(uri: str, data_dir: Path) -> Watch:
    """Return the watch for a server: over nothing if its database is not that of its data folder.

    Args:
        uri: URI of the database of the server.
        data_dir: The data folder in the settings of the server.
    """
    folder = data_dir.expanduser().resolve()
    with suppress(OSError, ValueError):  # no mongod has ever listened for this folder
        if address_in(folder).in_uri == urlsplit(uri).netloc.rpartition("@")[2]:
            return Watch(folder)
    return Watch(None)


class Watch:
    """The watch over the mongod of a data folder, which runs as a task.

    The watch follows real time, as mongod and its keeper do.

    Args:
        data_dir: Absolute path of the data folder, without links; None to watch nothing.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._task: asyncio.Task[None] | None = None
        self._down = False
        self._lost = asyncio.Event()

    def start(self) -> None:
        """Start the watch in the running event loop; the mongod has to run by now."""
        if self._data_dir is not None:
            self._task = asyncio.create_task(self._watch(self._data_dir), name="mongod")

    async def stop(self) -> None:
        """End the watch, if it was started."""
        task, self._task = self._task, None
        if task is not None:
            await end_tasks([task])

    @property
    def is_lost(self) -> bool:
        """Whether the mongod is down, and nobody starts it again."""
        return self._lost.is_set()

    async def why_down(self) -> str | None:
        """Return why the mongod is down and what to do about it, or None while the mongod runs."""
        if self._data_dir is None or not self._down:
            return None
        reason, remedy = await asyncio.to_thread(why_down, self._data_dir)
        return f"The embedded MongoDB is down: {reason}. {remedy}."

    async def lost(self) -> MongodLostError:
        """Wait until nobody starts the mongod again, and return the error that ends the server."""
        await self._lost.wait()
        folder = cast("Path", self._data_dir)  # nothing is never lost
        reason, remedy = await asyncio.to_thread(why_down, folder)
        return MongodLostError(
            f"The embedded MongoDB ended and cannot be started again: {reason}. {remedy}, and "
            f"start the server again. The log of MongoDB is {folder / LOG_FILE}."
        )

    async def _watch(self, folder: Path) -> None:
        address = address_in(folder)
        connection = await _connection(address)
        while True:
            if connection is not None:
                await _closed(connection)
            self._down = True
            _log.error("the embedded MongoDB ended by itself: %s", await _reason(folder))
            while (connection := await _connection(address)) is None:
                if not await _is_kept(folder):
                    _log.error("nobody starts the embedded MongoDB again")
                    self._lost.set()
                    return
                await asyncio.sleep(_POLL_SECONDS)
            self._down = False
            _log.warning("the embedded MongoDB runs again")


async def _is_kept(folder: Path) -> bool:
    return not await asyncio.to_thread(is_free, folder / LOCK_FILE)


async def _reason(folder: Path) -> str:
    """Wait until the keeper has written down why mongod ended, and return that."""
    deadline = time.monotonic() + _ENDED_SECONDS
    while (reason := await asyncio.to_thread(reason_of_end, folder)) is None:
        if not await _is_kept(folder):
            return "its keeper was ended"
        if time.monotonic() > deadline:
            return "its log may tell why"
        await asyncio.sleep(_POLL_SECONDS)
    return reason


async def _connection(address: Address) -> Connection | None:
    """Return a connection to the mongod, or None if nobody listens."""
    with suppress(OSError, ValueError):
        return await address.connect()
    return None


async def _closed(connection: Connection) -> None:
    """Wait until a connection ends, and mongod with it.

    Args:
        connection: A connection on which nothing is asked, so that mongod says nothing.
    """
    reader, writer = connection
    try:
        with suppress(OSError):
            await reader.read(1)
    finally:
        writer.close()
