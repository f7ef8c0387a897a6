"""The keeper: the program that starts one mongod, writes its log, and ends it without users.

The keeper runs by its path and with the standard library alone, so that it starts at once and
stays small. Every process that uses the mongod holds a shared lock on the file of users; the
system releases the lock when the process ends in any way. The keeper waits for the exclusive lock,
which it gets when the last user has gone. So a mongod neither ends while a process uses it nor
stays behind, whichever process started it and whichever process is killed.

The keeper writes lines to standard output: ``pid`` with a number, then ``taken`` if another keeper
has the folder, or ``listening``, or nothing more if mongod has ended.
"""

# pathlib takes longer to import than everything below.
# ruff: noqa: PTH105, PTH108, PTH123
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = "server.lock"
"""Name of the file that the keeper locks while mongod runs; older servers lock the file too."""
USERS_FILE = "mongod.users"
LOG_FILE = "mongod.log"
END_FILE = "mongod.end"
"""Name of the file about a mongod that ended by itself: exit status and last lines of output."""

STOP_SECONDS = 3.0
_LOG_BYTES = 1_000_000
_LAST_LINES = 200
# A process that only looks whether the lock is free holds the lock for a moment.
_LOCK_SECONDS = 1.0
_POLL_SECONDS = 0.05
_WINDOWS_BYTES = 1000


def main(folder: str, command: list[str]) -> None:
    """Keep a mongod until no process uses it.

    Args:
        folder: The data folder.
        command: The mongod binary and its arguments.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal to a whole group of processes is for the server, and the server still needs its
        # database. mongod would inherit SIG_IGN, so a handler ignores the signal.
        signal.signal(number, lambda *_: None)
    _leave_parent()
    _say(f"pid {os.getpid()}")
    lock = os.open(f"{folder}/{LOCK_FILE}", os.O_RDWR | os.O_CREAT, 0o600)
    if not _take_lock(lock, time.monotonic() + _LOCK_SECONDS):
        _say("taken")
        return
    with suppress(OSError):
        os.unlink(f"{folder}/{END_FILE}")
    last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)
    status, was_ended = _run(folder, command, last_lines)
    if not was_ended:
        with suppress(OSError), open(f"{folder}/{END_FILE}", "wb") as file:
            file.writelines([b"%d\n" % status, *last_lines])


def _run(folder: str, command: list[str], last_lines: deque[bytes]) -> tuple[int, bool]:
    """Run mongod to its end; return its exit status, and whether this keeper ended it."""
    log = _Log(f"{folder}/{LOG_FILE}")
    try:
        process = subprocess.Popen(  # noqa: S603 - what find_mongod chose
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # preexec_fn is safe here: this process has one thread so far.
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    except OSError as error:
        last_lines.append(f"{command[0]} cannot be run: {error.strerror}\n".encode())
        return 1, False
    unused = threading.Event()
    users = f"{folder}/{USERS_FILE}"
    threading.Thread(target=_end_when_unused, args=(process, users, unused), daemon=True).start()
    listening = False
    for line in process.stdout or ():
        log.write(line)
        last_lines.append(line)
        if not listening and b'"Waiting for connections"' in line:
            listening = True
            _say("listening")
            _close_output()
    return process.wait(), unused.is_set()


def _end_when_unused(
    process: subprocess.Popen[bytes], users_file: str, unused: threading.Event
) -> None:
    users = os.open(users_file, os.O_RDWR | os.O_CREAT, 0o600)
    _take_lock(users, None)
    unused.set()
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # the journal makes this safe too


class _Log:
    """The log of mongod: a file of at most ``_LOG_BYTES``, and the full file before it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open for as long as we run

    def write(self, line: bytes) -> None:
        with suppress(OSError):  # a full disk ends the log, and not mongod
            if self._file.tell() + len(line) > _LOG_BYTES:
                self._file.close()
                os.replace(self._path, f"{self._path}.1")
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
            self._file.write(line)


def _take_lock(descriptor: int, deadline: float | None) -> bool:
    """Take the exclusive lock before the deadline; wait without end if the deadline is None."""
    if sys.platform != "win32" and deadline is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    while True:
        with suppress(OSError):
            if sys.platform == "win32":
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _WINDOWS_BYTES)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if deadline is not None and time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)


def _leave_parent() -> None:
    # No parent has to wait for the keeper's end: neither a server that waits for its own children,
    # nor a command that ends while a server still uses the mongod.
    if sys.platform != "win32" and os.fork():
        os._exit(0)


def _end_with_parent() -> None:
    # 1 is PR_SET_PDEATHSIG (prctl(2)). The signal comes when the forking thread ends, and that is
    # the main thread here. A parent that died before this call sends no signal; another process is
    # the parent then.
    if sys.platform == "linux":
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != parent or parent == 1:
            os._exit(1)


def _say(line: str) -> None:
    with suppress(OSError):  # the process that started the keeper may have gone
        os.write(1, f"{line}\n".encode())


def _close_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
