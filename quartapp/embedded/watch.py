"""The watch over the embedded mongod, which logs when the mongod ends by itself."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from quartapp.embedded.address import address_in
from quartapp.embedded.keeper import LOCK_FILE
from quartapp.embedded.locks import LockedFile
from quartapp.embedded.mongod import reason_of_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

# mongod's connections end first, then the keeper, which writes down the reason.
_ENDED_SECONDS = 5.0


@contextmanager
def watched(data_dir: Path) -> Iterator[None]:
    """Log an error if the mongod of a folder ends by itself during the block.

    Args:
        data_dir: The data folder of a running mongod.
    """
    leaving = threading.Event()
    try:
        connection = address_in(data_dir).connect()
    except OSError:
        _log_end(data_dir)
        yield
        return
    with connection:
        thread = threading.Thread(
            target=_watch, args=(connection, data_dir, leaving), name="mongod", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def _watch(connection: socket.socket, data_dir: Path, leaving: threading.Event) -> None:
    # mongod never speaks first, so recv returns only when the connection ends, and mongod with it.
    with suppress(OSError):
        connection.recv(1)
    if not leaving.is_set():
        _log_end(data_dir)


def _log_end(data_dir: Path) -> None:
    with LockedFile(data_dir / LOCK_FILE) as lock:
        lock.wait(time.monotonic() + _ENDED_SECONDS)
    reason = reason_of_end(data_dir) or "its keeper was ended"
    _log.error("the embedded MongoDB ended by itself: %s", reason)
