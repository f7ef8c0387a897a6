"""The places of users' sockets, which all processes of a server share.

A place is a lock on one byte of an empty file, by POSIX's locks between processes: the operating
system gives back what a process held, however the process ends.
"""

from __future__ import annotations

import hashlib
import sys
from tempfile import TemporaryFile

if sys.platform != "win32":
    import fcntl

# Each lock is found by a walk through all locks on its file, and a server holds tens of thousands.
FILES = 64
# The number of a byte has 63 bits: these for the user, and the rest for a user's places, of which
# the setting allows a million.
_USER_BITS = 42
_MOST_PER_USER = 1 << 20


class PlaceFiles:
    """Empty files, whose bytes are the places.

    Processes that are forked later share the files, and have no locks at first. A process may close
    none of the files, since the operating system would then drop all its locks on that file.
    """

    def __init__(self) -> None:
        self._files = [TemporaryFile(buffering=0) for _ in range(FILES)]  # noqa: SIM115 - they stay open

    def lock(self, user: str, number: int) -> bool:
        """Take a place, and return whether it was free.

        Args:
            user: Id of the user.
            number: Number of the place, one that this process does not have.
        """
        file, byte = self._where(user, number)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):  # POSIX allows both errors
            return False
        return True

    def unlock(self, user: str, number: int) -> None:
        """Give back a place that this process has.

        Args:
            user: Id of the user.
            number: Number of the place.
        """
        file, byte = self._where(user, number)
        fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)

    def _where(self, user: str, number: int) -> tuple[int, int]:
        digest = hashlib.blake2b(user.encode(), digest_size=8).digest()
        name = int.from_bytes(digest) >> (64 - _USER_BITS)
        return self._files[digest[-1] % FILES].fileno(), name * _MOST_PER_USER + number


class Places:
    """The places of users' sockets in one process.

    Args:
        most: Largest number of places of one user.

    Attributes:
        most: Largest number of places of one user.
        files: Files that the processes of a server share; None for a process that is alone.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.files: PlaceFiles | None = None
        self._taken: dict[str, set[int]] = {}

    def take(self, user: str) -> int | None:
        """Return the number of a place, which nobody else has now; None if none is free.

        Args:
            user: Id of the user.
        """
        taken = self._taken.get(user, set())
        for number in range(self.most):
            if number not in taken and (self.files is None or self.files.lock(user, number)):
                taken.add(number)
                self._taken[user] = taken
                return number
        return None

    def give_back(self, user: str, number: int) -> None:
        """Give back a place.

        Args:
            user: Id of the user.
            number: Number of the place.
        """
        taken = self._taken[user]
        taken.remove(number)
        if not taken:
            del self._taken[user]
        if self.files is not None:
            self.files.unlock(user, number)

    def __len__(self) -> int:
        return sum(map(len, self._taken.values()))
