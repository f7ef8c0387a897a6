"""The share of a process in the one mongod of a data folder.

Every process that uses the mongod has a share, and the mongod runs for as long as there is a share.
A lock, the gate, lets one process at a time take or leave a share: so no process joins a mongod
that is ending, and the last process to leave waits for the end.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError
from quartapp.embedded.keeper import LOCK_FILE, STOP_SECONDS, USERS_FILE
from quartapp.embedded.locks import LockedFile, is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_GATE_FILE = "mongod.gate"
# A mongod that does not stop is killed, and that takes time as well.
_ENDED_SECONDS = STOP_SECONDS + 5.0


class Share:
    """The share of this process and of the processes that it forks.

    Args:
        data_dir: The data folder, which must exist.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._users_file = data_dir / USERS_FILE
        self._lock_file = data_dir / LOCK_FILE
        self._users: LockedFile | None = None

    @property
    def is_taken(self) -> bool:
        """Whether this process has a share."""
        return self._users is not None

    @property
    def is_mongod_kept(self) -> bool:
        """Whether a mongod runs in the folder, started by any process."""
        return not is_free(self._lock_file)

    @contextmanager
    def taking(self, deadline: float) -> Iterator[None]:
        """Take the share; no other process takes or leaves a share during the block.

        An exception from the block gives the share up again.

        Args:
            deadline: End of the wait, in seconds of ``time.monotonic()``.

        Raises:
            EmbeddedMongoError: Another process starts or ends the mongod beyond the deadline.
            OSError: The folder cannot be written.
        """
        with LockedFile(self._data_dir / _GATE_FILE) as gate:
            if not gate.wait(deadline):
                raise self._busy()
            self._users = users = LockedFile(self._users_file)
            try:
                # The keeper holds the lock while it ends a mongod without users.
                if not users.wait(deadline, shared=True):
                    raise self._busy()
                yield
            except BaseException:
                self._users = None
                users.close()
                self._wait_for_end()
                raise

    def leave(self, after_the_last: Callable[[], None]) -> None:
        """Give up the share; the last process to do so waits until mongod has ended.

        Args:
            after_the_last: Function to call when this process was the last and mongod has ended.
        """
        users, self._users = self._users, None
        if users is None:
            return
        with LockedFile(self._data_dir / _GATE_FILE) as gate:
            alone = gate.wait(time.monotonic() + _ENDED_SECONDS)
            users.close()
            if alone and self._wait_for_end():
                after_the_last()

    def _wait_for_end(self) -> bool:
        """Wait until the mongod has ended; return False at once if other processes use it."""
        with LockedFile(self._users_file) as users:
            # If neither lock is free, the keeper holds the exclusive one and ends the mongod.
            if not users.take() and users.take(shared=True):
                return False
        with LockedFile(self._lock_file) as lock:
            return lock.wait(time.monotonic() + _ENDED_SECONDS)

    def _busy(self) -> EmbeddedMongoError:
        return EmbeddedMongoError(
            f"Another process has been starting or stopping the database in {self._data_dir} for "
            f"too long. End it, or choose another data directory, or {GIVE_URI}."
        )
