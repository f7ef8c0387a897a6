"""No process is left of ``quartapp serve --workers`` after an unusual end."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from contextlib import suppress

import pytest

from quartapp.testing.proc import worker_pids
from quartapp.testing.processes import surroundings
from tests.support.processes import runs

pytestmark = pytest.mark.processes

DEADLINE_SECONDS = 15.0

SERVE = "from quartapp.cli.main import main; main()"
IMPATIENT = (
    f"import quartapp.server.workers.run; quartapp.server.workers.worker.ALONE_SECONDS = 3; {SERVE}"
)
ON_ITS_TERMINAL = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY); {SERVE}"

A_TEST_RUN = """
import asyncio
import pathlib

from quartapp.testing import ServerProcess

async def main():
    server = ServerProcess(pathlib.Path(), ["--workers", "2"])
    await server.start()
    print(server.pid, *server.workers, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

HANGS = """
import sys
import time

from quartapp.hooks.specs import hookimpl

class Plugin:
    name = "sleepy"

    @hookimpl
    async def startup(self, app):
        print("asleep", file=sys.stderr, flush=True)
        time.sleep(3600)
"""


@pytest.fixture
async def run(tmp_path, mongodb_uri):
    """Return a function that starts Python: ``await run(program, *arguments, stdout=…)``."""
    started = []

    async def start(program, *arguments, path="", **streams):
        given = {"PYTHONPATH": path, "MONGODB_URI": mongodb_uri, "JWT_SECRET": "s" * 32}
        given["PYTHONUNBUFFERED"] = ""  # what is left in a buffer is what fails at the end
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            env={**surroundings(), **given},
            cwd=tmp_path,
            start_new_session=True,
            **streams,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with all that it started
        await process.wait()


async def test_a_worker_that_hangs_does_not_keep_the_database_of_a_killed_server(serve_process):
    left = await serve_process("--workers", "2")
    stuck, _ = left.workers
    os.kill(stuck, signal.SIGSTOP)
    try:
        os.kill(left.pid, signal.SIGKILL)
        following = await serve_process("--workers", "2")
        assert await following.terminate() == 0
    finally:
        os.kill(stuck, signal.SIGKILL)


async def test_a_worker_that_hangs_without_a_manager_ends_by_itself(run, installed):
    """The test makes it wait for 3 s, where it would for 35."""
    server = await run(
        *(IMPATIENT, "serve", "--workers", "2", "--port", "0"),
        path=installed("sleepy", HANGS),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        await server.stderr.readuntil(b"asleep\n")
        server.kill()
        said = await server.stderr.read()  # to its end: the worker has it open too
    assert b"in startup" in said


async def test_a_terminal_that_is_closed_ends_the_server(run):
    ours, theirs = pty.openpty()
    server = await run(
        *(ON_ITS_TERMINAL, "serve", "--workers", "2", "--port", "0"),
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
    )
    os.close(theirs)
    shown = b""
    while b"server running" not in shown:
        shown += await asyncio.to_thread(os.read, ours, 4096)
    workers = worker_pids(server.pid)
    os.close(ours)
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await server.wait() == 0
    assert not [pid for pid in workers if runs(pid)]


async def test_a_server_ends_with_the_test_run_that_started_it(run, eventually):
    tests = await run(A_TEST_RUN, stdout=asyncio.subprocess.PIPE)
    started = [int(pid) for pid in (await tests.stdout.readline()).split()]
    assert len(started) == 3
    tests.kill()

    async def gone():
        return not [pid for pid in started if runs(pid)]

    await eventually(gone)
