"""Folders for the databases of test runs, in memory where there is enough."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp chooses a name that nobody else has
# A test run stores some 300 MB, and each worker of pytest-xdist has a database of its own.
ENOUGH_BYTES = 4_000_000_000
PREFIX = "quartapp-tests-"


@contextmanager
def database_folder(
    on_disk: Path, *, memory: Path = MEMORY, enough: int = ENOUGH_BYTES
) -> Iterator[Path]:
    """Provide the folder of a test run's database, and remove the folder if it is in memory.

    Each write with majority waits until the disk has it, which is most of the time that a server
    takes to start. The database of a test run need not outlive its machine.

    Args:
        on_disk: Folder to use where memory is scarce, or no file system.
        memory: Folder of a file system in memory.
        enough: Free memory that the folder needs, in bytes.

    Yields:
        The folder.
    """
    if not memory.is_dir():
        yield on_disk
        return
    # The folders of killed test runs would stay in memory.
    for left in memory.glob(f"{PREFIX}*"):
        if (lock := _locked(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    if shutil.disk_usage(memory).free < enough:
        yield on_disk
        return
    folder, lock = _new(memory)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new(memory: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory))
        lock = _locked(folder)
        # Before the lock, another test run may have taken the folder for one of a killed run.
        if lock is not None and folder.is_dir():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder until the returned descriptor is closed; return None if somebody has it."""
    import fcntl  # Windows has neither this module nor a file system in memory

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
