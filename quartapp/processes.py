"""Other processes of this machine."""

from __future__ import annotations

import os
import sys


def is_running(pid: int) -> bool:
    """Tell whether a process of this machine runs, or has ended and is not reaped yet.

    The answer is always True on Windows, where the question would end the process.

    Args:
        pid: Process id.
    """
    if sys.platform == "win32":
        return True  # signal 0 is ctrl-C there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another user
        return True
    return True
