"""Locks on files, which the system lets go of when their process ends, however it ends.

A lock belongs to one opening of a file. A process that was forked has that opening too, and thus
keeps the lock for as long as it runs.
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
# Windows has no shared locks that Python offers. There each sharer locks one of these bytes, and
# whoever wants the file alone locks them all.
_SHARES = 1000


class LockedFile:
    """One opening of a file, and the lock it may have.

    Args:
        path: The file; made when missing.

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
        """Close the file. The lock is gone when every process that was forked has done so too."""
        os.close(self._descriptor)

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock if nobody else has it, and return whether it was taken.

        Args:
            shared: Whether others may have the lock at the same time, who share it as well.
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
        """Take the lock as soon as it is free, and return whether it was taken in time.

        Args:
            deadline: Of ``time.monotonic()``.
            shared: As of :meth:`take`.
        """
        while not self.take(shared=shared):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def is_free(path: Path) -> bool:
    """Return whether nobody has a lock on the file."""
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
