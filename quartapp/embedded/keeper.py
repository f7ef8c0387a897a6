"""The keeper: the program that keeps one mongod running, and ends it without users.

The keeper runs by its path and with the standard library alone, so that it starts at once and
stays small. Every process that uses the mongod holds a shared lock on the file of users; the
system releases the lock when the process ends in any way. The keeper waits for the exclusive lock,
which it gets when the last user has gone. So a mongod neither ends while a process uses it nor
stays behind, whichever process started it and whichever process is killed. A mongod that ends by
itself, because somebody killed it or the disk is full, is started again after pauses that grow.
When that has failed for five minutes, the keeper gives up and ends: the lock is free then, and the
file about the end stays.

The keeper writes lines to standard output: ``pid`` with a number, then ``taken`` if another keeper
has the folder, or ``listening``, or nothing more if mongod has ended before it listened.
"""

# pathlib takes longer to import than everything below.
# ruff: noqa: PTH105, PTH123
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable  # noqa: TC003 - an import of typing takes longer
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
"""Name of the file about a mongod that ended by itself: exit status and errors, then blank lines.

The file is gone as soon as a mongod listens again.
"""
# The file about the next end. It has its full size from the start of the keeper on, since a full
# disk has no room for the reason of the end.
_ROOM_FILE = "mongod.end.new"
_ROOM_BYTES = 32_768

STOP_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
GIVE_UP_SECONDS = 300.0
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
    Keeper(folder, command).keep()


class Keeper:
    """The keeper of one mongod.

    Args:
        folder: The data folder.
        command: The mongod binary and its arguments.
        monotonic: Returns seconds that only grow.
        wait: Waits for an event at most some seconds; returns whether the event has happened.
    """

    def __init__(
        self,
        folder: str,
        command: list[str],
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._folder = folder
        self._command = command
        self._monotonic = monotonic
        self._wait = wait
        self._log = _Log(f"{folder}/{LOG_FILE}")
        self._last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        # Held by whoever starts the mongod, and by whoever ends it for good.
        self._changing = threading.Lock()
        self._unused = threading.Event()
        self._has_listened = False
        self._listened_at: float | None = None  # of the present mongod

    def keep(self) -> None:
        """Run the mongod until no process uses it; start it again when it ends by itself.

        A mongod that has never listened is not started again: its starter is told. A mongod that
        has not lasted for ``GIVE_UP_SECONDS`` is given up.
        """
        threading.Thread(target=self._end_when_unused, daemon=True).start()
        try:
            self._keep()
        finally:
            self._log.close()

    def _keep(self) -> None:
        self._forget_end()
        self._make_room()
        pause = FIRST_PAUSE_SECONDS
        failing_since: float | None = None
        while True:
            status = self._run()
            if self._unused.is_set():
                return
            self._note_end(status)
            if not self._has_listened:
                return
            now = self._monotonic()
            listened_at = self._listened_at
            if listened_at is not None and now - listened_at > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
                failing_since = None
            if failing_since is None:
                failing_since = now
            left = failing_since + GIVE_UP_SECONDS - now
            if left <= 0 or self._wait(self._unused, min(pause, left)):
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _run(self) -> int:
        """Run mongod to its end, and return its exit status."""
        self._last_lines.clear()
        self._listened_at = None
        with self._changing:
            if self._unused.is_set():
                return 0
            try:
                self._process = process = subprocess.Popen(  # noqa: S603 - what find_mongod chose
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    # preexec_fn is safe here: the only other thread waits in a system call.
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                )
            except OSError as error:
                reason = f"{self._command[0]} cannot be run: {error.strerror}\n"
                self._last_lines.append(reason.encode())
                return 1
        with process:
            for line in process.stdout or ():
                self._log.write(line)
                if _tells_of_end(line):
                    self._last_lines.append(line)
                if self._listened_at is None and b'"Waiting for connections"' in line:
                    self._listened_at = self._monotonic()
                    self._forget_end()
                    if not self._has_listened:
                        self._has_listened = True
                        _say("listening")
                        _close_output()
            return process.wait()

    def _end_when_unused(self) -> None:
        users = os.open(f"{self._folder}/{USERS_FILE}", os.O_RDWR | os.O_CREAT, 0o600)
        _take_lock(users, None)
        with self._changing:
            self._unused.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # the journal makes this safe too

    def _make_room(self) -> None:
        with suppress(OSError), open(f"{self._folder}/{_ROOM_FILE}", "ab") as file:
            file.write(b"\n" * (_ROOM_BYTES - file.tell()))

    def _note_end(self, status: int) -> None:
        text = b"%d\n" % status
        for line in self._last_lines:
            if len(text) + len(line) <= _ROOM_BYTES:
                text += line
        self._forget_end()  # the file about a start that failed before is the room for this one
        # The file gets its name when it is complete: servers read it.
        with suppress(OSError):
            # Opened so, the file keeps its blocks.
            with open(f"{self._folder}/{_ROOM_FILE}", "r+b") as file:
                file.write(text.ljust(_ROOM_BYTES, b"\n"))
            os.replace(f"{self._folder}/{_ROOM_FILE}", f"{self._folder}/{END_FILE}")

    def _forget_end(self) -> None:
        with suppress(OSError):
            os.replace(f"{self._folder}/{END_FILE}", f"{self._folder}/{_ROOM_FILE}")


class _Log:
    """The log of mongod: a file of at most ``_LOG_BYTES``, and the full file before it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open for as long as we run

    def close(self) -> None:
        self._file.close()

    def write(self, line: bytes) -> None:
        with suppress(OSError):  # a full disk ends the log, and not mongod
            if self._file.tell() + len(line) > _LOG_BYTES:
                self._file.close()
                os.replace(self._path, f"{self._path}.1")
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
            self._file.write(line)


def _tells_of_end(line: bytes) -> bool:
    """Tell whether a line is an error in mongod's log, or a message of a loader or a shell."""
    return not line.startswith(b"{") or b'"s":"E"' in line or b'"s":"F"' in line


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
