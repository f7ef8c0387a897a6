"""The server that a run starts on the embedded database if ``--base-url`` names no other."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READY = re.compile(r"server running on PORT (\d+)")
START_SECONDS = 120.0
STOP_SECONDS = 60.0
# Variables with these beginnings would change the server under test.
_FOREIGN = ("QUARTAPP_", "MONGODB_URI", "URI", "JWT_SECRET", "PORT")


class ServerDiedError(Exception):
    """The error for a server that did not start or did not end with status 0; has its output."""


@contextmanager
def running_server(
    *arguments: str, command: Sequence[str] = (), **environment: str
) -> Iterator[str]:
    """Run a server in a temporary folder, and yield its base URL; see :func:`server_in`."""
    with tempfile.TemporaryDirectory(prefix="quartapp-contract-") as folder:
        path = Path(folder)
        with server_in(path, *arguments, command=command, **environment) as url:
            yield url


@contextmanager
def server_in(
    folder: Path, *arguments: str, command: Sequence[str] = (), **environment: str
) -> Iterator[str]:
    """Run a server in a process of its own during the block.

    Args:
        folder: An empty folder; the data is in ``data`` there.
        arguments: Further arguments for ``quartapp serve``.
        command: Command that calls quartapp; by default this interpreter runs the module.
        environment: Further variables, such as ``QUARTAPP_ATTENDANCE_SCOPE="class"``.

    Yields:
        The base URL of the server.

    Raises:
        ServerDiedError: The server did not start, or ended with another status than 0.
    """
    errors_path = folder / "stderr.log"
    with errors_path.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [
                *(command or (sys.executable, "-m", "quartapp.cli")),
                *("serve", "--port", "0", "--data-dir", str(folder / "data")),
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            cwd=folder,  # a folder without .env and quartapp.toml
            env={**_clean_environment(), **environment},
            text=True,
        )
    try:
        port = _announced_port(process)
        if port is None:
            raise ServerDiedError(f"the server did not start:\n{_tail(errors_path)}")
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        if process.wait(STOP_SECONDS) != 0:
            raise ServerDiedError(
                f"the server ended with status {process.returncode}:\n{_tail(errors_path)}"
            )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def make_admin(folder: Path, email: str, password: str) -> None:
    """Make the account of an administrator on a server that :func:`server_in` runs.

    Args:
        folder: Folder of the server.
        email: Address of the account.
        password: Password in clear text.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    command = ["user", "create", email, "--name", "Margaret Hamilton", "--role", "admin"]
    subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "quartapp.cli", *command, "--password-stdin"),
            *("--data-dir", str(folder / "data")),
        ],
        input=f"{password}\n".encode(),
        cwd=folder,
        env=_clean_environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _announced_port(process: subprocess.Popen[str]) -> int | None:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    # Not every platform can read a pipe with a deadline, so a thread reads. It never stops reading,
    # so that a full pipe never blocks the server.
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    try:
        while (line := lines.get(timeout=START_SECONDS)) is not None:
            if found := READY.search(line):
                return int(found[1])
    except queue.Empty:
        pass
    return None


def _pump(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _clean_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith(_FOREIGN)
    }


def _tail(path: Path, characters: int = 4000) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-characters:]
