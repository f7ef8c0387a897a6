"""Processes of a server and their connections, read from ``/proc`` on Linux."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = "01"


def worker_pids(server: int) -> set[int]:
    """Return the process ids of the workers of ``quartapp serve --workers``.

    Args:
        server: The process id of the server.
    """
    own = _command_line(server)
    # A child that starts the embedded database is no worker, and has another command line.
    return {child for child in _children(server, server) if _command_line(child) == own}


def at_work_on(folder: Path) -> list[int]:
    """Return the ids of the processes whose command line contains the path of ``folder``.

    For a data folder these are its servers with their workers, and its mongod with the keeper.

    Args:
        folder: Absolute path.
    """
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in found if os.fsencode(folder) in _command_line(pid)]


def process_state(pid: int) -> str | None:
    """Return the state of a process, a letter of proc_pid_stat(5) such as T for stopped.

    Args:
        pid: The process id.

    Returns:
        The letter, or None if the process is gone.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return status.rpartition(")")[2].split()[0]  # the name before ")" may have any character


def holder(processes: set[int], server_port: int, client_port: int) -> int | None:
    """Return the process that holds the server's end of a connection, or None without one.

    Args:
        processes: Ids of the processes to look at.
        server_port: Port that the client connected to.
        client_port: The client's own port, on this machine.
    """
    inode = _inode(server_port, client_port)
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    return next((pid for pid in processes if wanted in _open_files(pid)), None)


def end_worker(pid: int, folder: Path) -> None:
    """Kill a worker if the process id still belongs to a process of the server.

    Args:
        pid: Process id of the worker.
        folder: Working directory of the server.
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
