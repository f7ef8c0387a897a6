"""The program that keeps one mongod: starts it, writes its log, and ends it when nobody uses it.

It is run by its path, with the standard library alone, so that it starts at once and stays small.
Whoever uses the mongod has a shared lock on the file of users, which the system lets go of when
that process ends, however it ends. The keeper waits for the lock that excludes all others: it gets
it when the last user has gone. A mongod is thus neither ended under a process that uses it nor left
behind, and it does not matter which of them started it, or which is killed.

Said on standard output, a line each: ``pid`` with a number, then ``taken`` when another keeper has
the folder, or ``listening``, or nothing more when mongod has ended.
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
"""Locked for as long as a mongod is kept; servers of before the keeper had it, too."""
USERS_FILE = "mongod.users"
LOG_FILE = "mongod.log"
END_FILE = "mongod.end"
"""How a mongod ended that nobody had ended: its exit status, and its last lines."""

STOP_SECONDS = 3.0
_LOG_BYTES = 1_000_000
_LAST_LINES = 200
# Who only looks whether the lock is free has it for a moment.
_LOCK_SECONDS = 1.0
_POLL_SECONDS = 0.05
_WINDOWS_BYTES = 1000


def main(folder: str, command: list[str]) -> None:
    """Keep a mongod until nobody uses it.

    Args:
        folder: The data folder.
        command: The binary and its arguments.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # Whoever stops a whole group of processes means a server, which still needs its database.
        # A handler, because mongod would inherit that a signal is ignored.
        signal.signal(number, lambda *_: None)
    _leave_parent()
    _say(f"pid {os.getpid()}")
    lock = os.open(f"{folder}/{LOCK_FILE}", os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(lock, time.monotonic() + _LOCK_SECONDS):
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
    """Run mongod to its end; its exit status, and whether it was ended from here."""
    log = _Log(f"{folder}/{LOG_FILE}")
    try:
        process = subprocess.Popen(  # noqa: S603 - what find_mongod chose
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # This process has one thread so far.
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
            _hang_up()
    return process.wait(), unused.is_set()


def _end_when_unused(
    process: subprocess.Popen[bytes], users_file: str, unused: threading.Event
) -> None:
    users = os.open(users_file, os.O_RDWR | os.O_CREAT, 0o600)
    _locked(users, None)
    unused.set()
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # which the journal makes safe too


class _Log:
    """A file that does not grow without bound: its first megabyte is put aside, and so on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open for as long as we run

    def write(self, line: bytes) -> None:
        with suppress(OSError):  # on a full disk mongod is to go on while it can
            if self._file.tell() + len(line) > _LOG_BYTES:
                self._file.close()
                os.replace(self._path, f"{self._path}.1")
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
            self._file.write(line)


def _locked(descriptor: int, deadline: float | None) -> bool:
    """Take the lock that excludes all others; without a deadline, wait for it."""
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
    # Nobody has to wait for our end: neither a server that has children of its own to look after,
    # nor a command that has gone while a server goes on.
    if sys.platform != "win32" and os.fork():
        os._exit(0)


def _end_with_parent() -> None:
    # 1 is PR_SET_PDEATHSIG (prctl(2)). The thread that forked is the first one, which lasts. A
    # parent that died before this call sends no signal; but then it is not the parent either.
    if sys.platform == "linux":
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != parent or parent == 1:
            os._exit(1)


def _say(line: str) -> None:
    with suppress(OSError):  # whoever started us has gone
        os.write(1, f"{line}\n".encode())


def _hang_up() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
