"""Whether a process of this machine runs."""

from __future__ import annotations

import os
import subprocess
import sys

from quartapp import is_running


def test_a_process_runs_until_it_has_ended_and_is_reaped():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(process.pid)
    assert not is_running(process.pid)


def test_a_process_of_another_user_runs():
    assert is_running(os.getpid())
    assert is_running(1)
