"""The watch over the embedded mongod, which logs its end and its return."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from quartapp.embedded.address import address_in
from quartapp.embedded.keeper import LOCK_FILE
from quartapp.embedded.locks import is_free
from quartapp.embedded.mongod import reason_of_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

# mongod's connections end first, and then the keeper writes down the reason.
_ENDED_SECONDS = 5.0
_POLL_SECONDS = 0.05


@contextmanager
def watched(data_dir: Path) -> Iterator[None]:
    """Log when the mongod of a folder ends by itself during the block, and when it runs again.

    Args:
        data_dir: The data folder of a running mongod.
    """
    watch = _Watch(data_dir)
    watch.start()
    try:
        yield
    finally:
        watch.leave()


class _Watch(threading.Thread):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(name="mongod", daemon=True)
        self._data_dir = data_dir
        self._leaving = threading.Event()
        self._connection: socket.socket | None = None
        self._connect()

    def leave(self) -> None:
        """End the watch."""
        self._leaving.set()
        with suppress(OSError):
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)
        self.join()

    def run(self) -> None:
        """Watch the mongod until :meth:`leave`, or until nobody keeps it any more."""
        while True:
            self._wait_for_end()
            if self._leaving.is_set():
                return
            self._log_end()
            while not self._connect():
                if self._leaving.wait(_POLL_SECONDS):
                    return
                if not self._is_kept():
                    break
            else:
                _log.warning("the embedded MongoDB runs again")
                continue
            _log.error("nobody starts the embedded MongoDB again: restart the server")
            return

    def _is_kept(self) -> bool:
        return not is_free(self._data_dir / LOCK_FILE)

    def _connect(self) -> bool:
        try:
            self._connection = address_in(self._data_dir).connect()
        except OSError:
            self._connection = None
        return self._connection is not None

    def _wait_for_end(self) -> None:
        if self._connection is None or self._leaving.is_set():
            return
        # mongod never speaks first, so recv returns only when the connection ends, and mongod with
        # it.
        with self._connection as connection, suppress(OSError):
            connection.recv(1)

    def _log_end(self) -> None:
        deadline = time.monotonic() + _ENDED_SECONDS
        while (reason := reason_of_end(self._data_dir)) is None:
            if not self._is_kept():
                reason = "its keeper was ended"
                break
            if time.monotonic() > deadline or self._leaving.wait(_POLL_SECONDS):
                reason = "its log may tell why"
                break
        _log.error("the embedded MongoDB ended by itself: %s", reason)
