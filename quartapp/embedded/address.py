"""The address of the embedded mongod: a Unix socket in the data folder, and nothing else.

mongod for Windows has no Unix sockets, so mongod listens on 127.0.0.1 there.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from quartapp.embedded.failures import EmbeddedMongoError

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# mongod names the socket after a port. With the default port, clients may leave the number out.
_PORT = 27017
_SOCKET = f"mongodb-{_PORT}.sock"
# Bytes in sun_path without the zero at the end: unix(7) for Linux, <sys/un.h> elsewhere.
_LONGEST_PATH = 107 if sys.platform == "linux" else 103
_PRIVATE = 0o700
_PORT_FILE = "mongod.port"


class Address(Protocol):
    """An address that a mongod listens on."""

    def prepare(self) -> list[str]:
        """Prepare the address for a mongod that is about to start, and return mongod's options."""

    def remove(self) -> None:
        """Remove the files outside the data folder."""

    async def connect(self) -> Connection:
        """Return a connection to the mongod.

        Raises:
            OSError: Nobody listens.
        """

    @property
    def host(self) -> str:
        """The address of the member in the configuration of the replica set."""

    @property
    def in_uri(self) -> str:
        """The address as it stands in a MongoDB URI."""


def address_in(data_dir: Path) -> Address:
    """Return the address of the mongod of a data folder.

    Args:
        data_dir: The data folder.
    """
    folder = data_dir.expanduser().resolve()
    return LoopbackAddress(folder) if sys.platform == "win32" else SocketAddress(folder)


class SocketAddress:
    """A Unix socket in the data folder.

    The socket lies in the folder ``run``, which only the owner may enter. If the path were longer
    than the system allows for a socket, ``run`` is a link to a folder in the system's directory
    for sockets or temporary files.

    Args:
        data_dir: Absolute path of the data folder, without links.
    """

    def __init__(self, data_dir: Path) -> None:
        self._run = data_dir / "run"
        self._former_port = data_dir / _PORT_FILE  # older versions listened on a port

    @property
    def host(self) -> str:
        """The path of the socket."""
        folder = self._run.readlink() if self._run.is_symlink() else self._run
        return str(folder / _SOCKET)

    @property
    def in_uri(self) -> str:
        """The path of the socket, percent-encoded."""
        return quote(self.host, safe="")

    def prepare(self) -> list[str]:
        """Make the folder of the socket, and return mongod's options.

        Raises:
            EmbeddedMongoError: No folder has a path that is short enough.
            OSError: The folder cannot be made.
        """
        if self._run.is_symlink() and not self._is_link_usable():
            self._run.unlink()
        if not self._run.is_symlink():
            if _fits(self._run):
                self._run.mkdir(mode=_PRIVATE, exist_ok=True)
            else:
                with suppress(FileNotFoundError):
                    self._run.rmdir()  # left from a time when the data folder had a shorter path
                self._run.symlink_to(_short_folder())
        self._run.chmod(_PRIVATE)
        self._former_port.unlink(missing_ok=True)
        folder = str(Path(self.host).parent)
        return ["--bind_ip", self.host, "--unixSocketPrefix", folder, "--port", str(_PORT)]

    def remove(self) -> None:
        """Remove the folder outside the data folder, if there is one."""
        if self._run.is_symlink() and self._is_link_usable():
            with suppress(OSError):
                self._run.resolve().rmdir()
                self._run.unlink()

    async def connect(self) -> Connection:
        """Return a connection to the mongod.

        Raises:
            OSError: Nobody listens.
        """
        return await asyncio.open_unix_connection(self.host)

    def _is_link_usable(self) -> bool:
        # The target's parent is open to everybody: another user may own the target, or the system
        # may have cleared it. And the data folder may have moved to a shorter path.
        try:
            found = self._run.readlink().lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not _fits(self._run)


class LoopbackAddress:
    """A port of 127.0.0.1; the same port as at the last start, if that port is free.

    Args:
        data_dir: Absolute path of the data folder, without links.
    """

    # The range is below every system's ephemeral ports: outgoing connections borrow those, so such
    # a port would often be taken when the data folder is next opened.
    _PORTS = range(20_000, 30_000)

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / _PORT_FILE

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{int(self._file.read_text(encoding='utf-8'))}"

    @property
    def in_uri(self) -> str:
        """Address and port."""
        return self.host

    def prepare(self) -> list[str]:
        """Choose a port, and return mongod's options.

        Raises:
            OSError: The port cannot be stored in the data folder.
        """
        with suppress(OSError, ValueError):
            if not _is_port_free(int(self._file.read_text(encoding="utf-8"))):
                self._file.unlink()
        if not self._file.exists():
            port = next(filter(_is_port_free, iter(lambda: secrets.choice(self._PORTS), None)))
            self._file.write_text(str(port), encoding="utf-8")
        return ["--bind_ip", "127.0.0.1", "--port", self.host.rpartition(":")[2]]

    def remove(self) -> None:
        """Do nothing: no file lies outside the data folder."""

    async def connect(self) -> Connection:
        """Return a connection to the mongod.

        Raises:
            OSError: Nobody listens.
        """
        host, _, port = self.host.rpartition(":")
        return await asyncio.open_connection(host, int(port))


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) <= _LONGEST_PATH


def _short_folder() -> Path:
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        # This name is as long as the names that mkdtemp makes.
        if place and _fits(Path(place, "quartapp-12345678")):
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="quartapp-", dir=place))
    message = (
        "No folder with a path that is short enough for the socket of the embedded MongoDB can be "
        "made: choose a data directory with a shorter path, or let TMPDIR name another folder."
    )
    raise EmbeddedMongoError(message)


def _is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
