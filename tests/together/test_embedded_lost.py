"""A server whose embedded mongod cannot be started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from quartapp.embedded import keeper
from quartapp.embedded.failures import EXIT_MONGOD_LOST
from quartapp.embedded.mongo import EmbeddedMongo
from quartapp.server.serving import LAST_SECONDS

pytestmark = pytest.mark.processes

# The keeper with a turned clock: its pauses take no time.
TURNED_KEEPER = """
import runpy, sys, threading, time
from functools import partial

turned = 0.0

def monotonic():
    return time.monotonic() + turned

def wait(unused, seconds):
    global turned
    turned += seconds
    return unused.is_set()

sys.path.insert(0, {folder!r})
import keeper
keeper.Keeper = partial(keeper.Keeper, monotonic=monotonic, wait=wait)
keeper.main(sys.argv[1], sys.argv[2:])
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Return the data folder of the server, whose keeper has a turned clock."""
    monkeypatch.delenv("MONGODB_URI", raising=False)
    program = tmp_path / "turned_keeper.py"
    program.write_text(TURNED_KEEPER.format(folder=str(Path(keeper.__file__).parent)))
    monkeypatch.setattr(keeper, "__file__", str(program))
    with EmbeddedMongo(tmp_path / "data"):
        yield tmp_path / "data"


async def answered(process, path, status):
    """Return the answer if it has the status."""
    answer = await process.client.api.get(f"{process.client.url}{path}")
    return answer.json() if answer.status_code == status else None


@pytest.mark.skipif(sys.platform == "win32", reason="an open folder cannot be renamed")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_server_whose_embedded_mongod_is_given_up_says_so_and_ends_with_a_status_of_its_own(
    serve_process, data, clock_in_process, eventually, workers
):
    process = await serve_process("--workers", workers, PYTHONPATH=clock_in_process)
    assert (await process.client.api.get(f"{process.client.url}/healthz")).status_code == 200
    lock = data / "mongodb" / "mongod.lock"
    pid = int(lock.read_text())
    (data / "mongodb").rename(data / "away")  # mongod refuses to start without its folder
    os.kill(pid, signal.SIGKILL)

    down = await eventually(lambda: answered(process, "/healthz", 503))
    assert down["error"] == "Service Unavailable"
    assert down["reason"].startswith("The embedded MongoDB is down: ")
    assert "not found" in down["reason"]
    assert str(data) not in down["reason"]
    assert await eventually(lambda: answered(process, "/readyz", 503)) == down
    ended = asyncio.create_task(process.stop(0))  # no signal: the server ends by itself
    while not ended.done():
        with suppress(OSError, AssertionError):  # the process ends while its clock is turned
            await process.advance(LAST_SECONDS)
        await asyncio.sleep(0)
    assert ended.result() == EXIT_MONGOD_LOST
    told = process.stderr.splitlines()[-1]
    assert told.startswith("Error: The embedded MongoDB ended and cannot be started again: ")
    assert "and start the server again" in told
    assert "Traceback" not in process.stderr
