"""Locks on files; the system releases a lock when its process ends in any way.

A lock belongs to one opening of a file. A forked process inherits the opening, and so holds the
lock for as long as it runs.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_POLL_SECONDS = 0.01
# Python offers no shared locks on Windows. There a shared lock is one of these bytes, and the
# exclusive lock is all of them.
_SHARES = 1000


class LockedFile:
    """One opening of a file, with or without the lock.

    Args:
        path: Path of the file; a missing file is made.

    Raises:
        OSError: The file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the lock ends when all forked processes have closed the file too."""
        os.close(self._descriptor)

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock if no other process prevents that, and tell whether the lock was taken.

        Args:
            shared: Whether to take a shared lock, which other processes can share.
        """
        if sys.platform == "win32":
            return _take_bytes(self._descriptor, shared=shared)
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self, deadline: float, *, shared: bool = False) -> bool:
        """Take the lock as soon as possible, and tell whether the lock was taken in time.

        Args:
            deadline: End of the wait, in seconds of ``time.monotonic()``.
            shared: Whether to take a shared lock, as for :meth:`take`.
        """
        while not self.take(shared=shared):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def is_free(path: Path) -> bool:
    """Tell whether no process has a lock on the file.

    Args:
        path: Path of the file; a missing file is made.
    """
    with LockedFile(path) as file:
        return file.take()


def _take_bytes(descriptor: int, *, shared: bool) -> bool:
    if sys.platform == "win32":
        for first in range(_SHARES if shared else 1):
            os.lseek(descriptor, first, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1 if shared else _SHARES)
            except OSError:
                continue
            return True
    return False
