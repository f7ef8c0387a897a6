"""Which process of a server holds which connection, as Linux says it under ``/proc``."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = "01"


def worker_pids(server: int) -> set[int]:
    """The worker processes of ``quartapp serve --workers``.

    Args:
        server: The process id of the server.
    """
    own = _command_line(server)
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii")
    # The other child keeps the embedded database, and has another command line.
    return {int(child) for child in children.split() if _command_line(int(child)) == own}


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
