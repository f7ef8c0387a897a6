"""The share that a process has in the one mongod of a data folder.

Every process that uses the mongod has a share, and the mongod is there for as long as one of them
has. Processes come and go one at a time, through a gate: so nobody comes while the mongod is ended,
and the last to go waits for its end.
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
# A mongod that does not stop is killed, which takes its time as well.
_ENDED_SECONDS = STOP_SECONDS + 5.0


class Share:
    """The share of this process, and of those that are forked from it.

    Args:
        data_dir: The data folder; it exists.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._users_file = data_dir / USERS_FILE
        self._lock_file = data_dir / LOCK_FILE
        self._users: LockedFile | None = None

    @property
    def is_taken(self) -> bool:
        """Whether this process has it."""
        return self._users is not None

    @property
    def is_mongod_kept(self) -> bool:
        """Whether a mongod runs in the folder, whoever started it."""
        return not is_free(self._lock_file)

    @contextmanager
    def taking(self, deadline: float) -> Iterator[None]:
        """Take the share; nobody else comes or goes until the end of the block.

        It is given up again when the block fails.

        Args:
            deadline: Of ``time.monotonic()``.

        Raises:
            EmbeddedMongoError: Others come or go, and do not get done.
            OSError: The folder cannot be written.
        """
        with LockedFile(self._data_dir / _GATE_FILE) as gate:
            if not gate.wait(deadline):
                raise self._busy()
            self._users = users = LockedFile(self._users_file)
            try:
                # One that nobody used any longer is being ended.
                if not users.wait(deadline, shared=True):
                    raise self._busy()
                yield
            except BaseException:
                self._users = None
                users.close()
                self._wait_for_end()
                raise

    def leave(self, after_the_last: Callable[[], None]) -> None:
        """Give up the share; the last one to do so waits until mongod has ended.

        Args:
            after_the_last: Called when mongod has ended by that.
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
        """Return whether the mongod has ended; at once when others use it."""
        with LockedFile(self._users_file) as users:
            # The keeper has it for itself when mongod is already being ended.
            if not users.take() and users.take(shared=True):
                return False
        with LockedFile(self._lock_file) as lock:
            return lock.wait(time.monotonic() + _ENDED_SECONDS)

    def _busy(self) -> EmbeddedMongoError:
        return EmbeddedMongoError(
            f"Another process has been starting or stopping the database in {self._data_dir} for "
            f"too long. End it, or choose another data directory, or {GIVE_URI}."
        )
