"""Servers that are killed as a whole during a roll call, and started again."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.support.burst import STUDENTS, Account, Burst

OWN_DATABASE = ("--workers", "2")


def at_work_in(folder):
    """Return the processes with the working directory ``folder``, as all of a server's have."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_bytes())
    return found


async def killed_again_and_again(process, tmp_path, lesson, figures, rounds, kill):
    """Kill a server with ``kill`` in each round, and start the next.

    That one is reachable from the moment when it says so.
    """
    account = Account(figures)
    maths = await lesson(process.client, students=STUDENTS)
    for _ in range(rounds):
        burst = await Burst.begin(account, maths)
        teacher = await process.client.socket(maths.teacher)
        watcher = await process.client.socket(maths.students[0])
        await burst.hit(teacher, watcher, kill)
        await watcher.closed()
        started = time.monotonic()
        await process.start()
        reachable = time.monotonic()
        maths = replace(maths, client=process.client)
        await burst.settle(process.client, reachable, teacher, watcher)
        slowest = max(figures.get("slowest start, s", 0.0), reachable - started)
        figures["slowest start, s"] = slowest
    account.assert_clean(rounds)
    assert await process.terminate() == 0
    assert not at_work_in(tmp_path), "nothing of any of them is left"


async def test_nothing_is_lost_with_a_server_of_one_process(
    serve_process, tmp_path, lesson, mongodb_uri, figures
):
    """Kill the server, and leave its database running."""
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32)
    await killed_again_and_again(process, tmp_path, lesson, figures, 20, process.kill)


@pytest.mark.smoke
@pytest.mark.parametrize("arguments", [(), OWN_DATABASE], ids=["one-process", "workers"])
async def test_nothing_is_lost_with_all_processes_and_the_database(
    serve_process, tmp_path, lesson, figures, arguments
):
    """Kill every process of the server, mongod included."""
    process = await serve_process(*arguments)
    await killed_again_and_again(process, tmp_path, lesson, figures, 8, process.kill_all)


async def test_nothing_is_lost_with_the_manager_of_the_workers(
    serve_process, tmp_path, lesson, figures
):
    """Kill the manager alone; workers and mongod end a moment later."""
    process = await serve_process(*OWN_DATABASE)
    await killed_again_and_again(process, tmp_path, lesson, figures, 4, process.kill)
