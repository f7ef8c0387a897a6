"""Which process of a server holds which connection, as Linux says it under ``/proc``."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = "01"


def worker_pids(server: int) -> set[int]:
    """The worker processes of ``quartapp serve --workers``.

    Args:
        server: The process id of the server.
    """
    own = _command_line(server)
    # Another child may be starting the embedded database, and has another command line.
    return {child for child in _children(server, server) if _command_line(child) == own}


def at_work_on(folder: Path) -> list[int]:
    """Every process whose command line names ``folder`` or something in it.

    On a data folder these are its servers with their workers, and its mongod with its keeper.

    Args:
        folder: Absolute.
    """
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in found if os.fsencode(folder) in _command_line(pid)]


def process_state(pid: int) -> str | None:
    """The letter of proc_pid_stat(5), such as T for stopped; None for one that is gone.

    Args:
        pid: The process id.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return status.rpartition(")")[2].split()[0]  # behind the name, which may have any character


def holder(processes: set[int], server_port: int, client_port: int) -> int | None:
    """Which of ``processes`` holds the server's end of a connection; None when none does.

    Args:
        processes: Process ids.
        server_port: Where the client connected to.
        client_port: Its own port, on this machine.
    """
    inode = _inode(server_port, client_port)
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    return next((pid for pid in processes if wanted in _open_files(pid)), None)


def end_worker(pid: int, folder: Path) -> None:
    """Kill a worker that may be gone already, and its number somebody else's.

    Args:
        pid: Its process id.
        folder: The working directory of its server.
    """
    with suppress(OSError):
        if Path(f"/proc/{pid}/cwd").resolve() == folder.resolve():
            os.kill(pid, signal.SIGKILL)


def _children(pid: int, thread: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return []  # the thread has ended, or its process has
    return [int(child) for child in listed.split()]


def _inode(server_port: int, client_port: int) -> str | None:
    # proc_pid_net(5): sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        ends = [int(field.split(":")[1], 16) for field in fields[1:3]]
        if ends == [server_port, client_port] and fields[3] == _ESTABLISHED:
            return fields[9]
    return None


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(entry))  # noqa: PTH115 - the target is no path
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
