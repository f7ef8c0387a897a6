"""Processes that tests start and end."""

from __future__ import annotations

import subprocess
import sys

from quartapp.testing.proc import process_state


def runs(pid: int) -> bool:
    """Tell whether a process runs; an ended process that waits to be reaped does not."""
    if sys.platform == "linux":
        return process_state(pid) not in {None, "Z"}
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, check=False).stdout  # noqa: S603
    return state.strip()[:1] not in (b"", b"Z")
