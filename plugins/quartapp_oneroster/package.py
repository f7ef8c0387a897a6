"""A OneRoster set, in a folder or a zip file: its files, and the mode of each.

The manifest says for each file whether it is complete (``bulk``), has only changes (``delta``), or
is ``absent``.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from quartapp_oneroster.errors import RosterError
from quartapp_oneroster.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANIFEST = "manifest.csv"
VERSIONS = ("1.1", "1.2")
MODES = ("bulk", "delta", "absent")
FILES = ("orgs", "academicSessions", "courses", "users", "roles", "classes", "enrollments")

# A whole district's set has about 100 MB unpacked. A much larger one is a mistake or an attack.
MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_RATIO = 200
MAX_RATIO_FROM_BYTES = 10 * 1024**2
MAX_MEMBERS = 10_000
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a set.

    Attributes:
        size: Unpacked size, in bytes.
        open: Function that opens the file for reading.
    """

    size: int
    open: Callable[[], IO[bytes]]


class Package:
    """The files of a set, with the manifest read.

    Args:
        name: Path of the set, as given; for messages.
        files: The files, by name in lower case.

    Attributes:
        version: ``1.1`` or ``1.2``.
        modes: ``bulk``, ``delta`` or ``absent`` for each of :data:`FILES`.

    Raises:
        RosterError: The manifest is missing or invalid.
    """

    def __init__(self, name: str, files: dict[str, Member]) -> None:
        self.name = name
        self._files = files
        if MANIFEST not in files:
            raise RosterError(f"{name}: there is no {MANIFEST}; is it a OneRoster set?")
        properties = self._properties()
        self.version = _version(properties)
        self.modes = {file: self._mode(file, properties) for file in FILES}
        if not any(self.has(file) for file in ("users", "classes", "enrollments", "roles")):
            raise RosterError(f"{MANIFEST}: users, classes and enrollments are all absent")

    @property
    def delta(self) -> bool:
        """Whether at least one file of the set has changes only."""
        return "delta" in self.modes.values()

    def has(self, file: str) -> bool:
        """Tell whether the set has a file.

        Args:
            file: One of :data:`FILES`.
        """
        return self.modes[file] != "absent"

    def size(self, file: str) -> int:
        """Return the unpacked size of a file, in bytes.

        Args:
            file: One of :data:`FILES` that is not absent.
        """
        return self._files[f"{file.lower()}.csv"].size

    def table(self, file: str, columns: tuple[str, ...]) -> Table:
        """Return the rows of a file.

        Args:
            file: One of :data:`FILES` that is not absent.
            columns: Names of the required columns.

        Raises:
            RosterError: The file cannot be read as a table with these columns.
        """
        return Table(f"{file}.csv", self._files[f"{file.lower()}.csv"].open, columns)

    def fingerprint(self) -> str:
        """Return the SHA-256 of everything that would be imported, in hex digits."""
        digest = hashlib.sha256()
        for file in ("manifest", *filter(self.has, FILES)):
            digest.update(f"{file}\n".encode())
            with self._files[f"{file.lower()}.csv"].open() as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    digest.update(chunk)
        return digest.hexdigest()

    def _properties(self) -> dict[str, str]:
        table = Table(MANIFEST, self._files[MANIFEST].open, ("propertyName", "value"))
        properties: dict[str, str] = {}
        for line, row, whole in table:
            if whole and row["propertyName"]:
                name = row["propertyName"].lower()
                if properties.setdefault(name, row["value"]) != row["value"]:
                    raise RosterError(f"{MANIFEST}, line {line}: {row['propertyName']} comes twice")
        return properties

    def _mode(self, file: str, properties: dict[str, str]) -> str:
        stated = properties.get(f"file.{file}".lower())
        there = f"{file.lower()}.csv" in self._files
        if file == "roles" and self.version == "1.1":
            return "absent"
        if stated is None:
            if there:
                raise RosterError(f"{MANIFEST} does not say whether {file}.csv is bulk or delta")
            return "absent"
        mode = stated.lower()
        if mode not in MODES:
            raise RosterError(f"{MANIFEST}: file.{file} is {stated!r}, not bulk, delta or absent")
        if mode != "absent" and not there:
            raise RosterError(f"{MANIFEST} says that {file}.csv is {mode}, and it is not there")
        return mode


@contextmanager
def opened_package(path: Path) -> Iterator[Package]:
    """Open the set in a folder or a zip file.

    Args:
        path: The folder or zip file.

    Raises:
        RosterError: The set is missing, cannot be read, or is refused as too large.
    """
    if path.is_dir():
        found = [entry for entry in path.iterdir() if entry.is_file()]
        files = {
            entry.name.lower(): Member(entry.stat().st_size, _opener(entry)) for entry in found
        }
        yield Package(str(path), files)
        return
    if not path.exists():
        raise RosterError(f"{path}: no such folder or file")
    try:
        with zipfile.ZipFile(path) as archive:
            yield Package(str(path), _members(archive, str(path)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise RosterError(f"{path} is neither a folder nor a sound zip file: {error}") from error
    except OSError as error:
        raise RosterError(f"{path} cannot be read: {error.strerror or error}") from error


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    def open_file() -> IO[bytes]:
        try:
            return path.open("rb")
        except OSError as error:
            raise RosterError(f"{path} cannot be read: {error.strerror}") from error

    return open_file


def _members(archive: zipfile.ZipFile, name: str) -> dict[str, Member]:
    """Return the CSV files next to the manifest, which may be in a folder inside the zip."""
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise RosterError(f"{name}: more than {MAX_MEMBERS} files in one zip")
    paths = {PurePosixPath(entry.filename.replace("\\", "/")): entry for entry in entries}
    ours = {p: e for p, e in paths.items() if p.suffix.lower() == ".csv" and not _hidden(p)}
    folders = {p.parent for p in ours if p.name.lower() == MANIFEST}
    if len(folders) > 1:
        raise RosterError(f"{name}: there are several {MANIFEST}, in different folders")
    folder = folders.pop() if folders else PurePosixPath()
    chosen: dict[str, zipfile.ZipInfo] = {}
    for path, entry in ours.items():
        if path.parent == folder and chosen.setdefault(path.name.lower(), entry) is not entry:
            raise RosterError(f"{name}: {path.name} is in it twice")
    _check_limits(name, list(chosen.values()))
    return {
        file: Member(entry.file_size, partial(archive.open, entry))
        for file, entry in chosen.items()
    }


def _hidden(path: PurePosixPath) -> bool:
    # Files that macOS adds: __MACOSX/._users.csv and the like.
    return any(part == "__MACOSX" or part.startswith(".") for part in path.parts)


def _check_limits(name: str, entries: list[zipfile.ZipInfo]) -> None:
    # zipfile never unpacks more than an entry declares, so the declared sizes can be trusted.
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES:
        raise RosterError(
            f"{name} would unpack to {unpacked:,} bytes; the limit is {MAX_UNPACKED_BYTES:,}"
        )
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise RosterError(f"{name}: {entry.filename} is encrypted")
        if (
            entry.file_size > MAX_RATIO_FROM_BYTES
            and entry.file_size > MAX_RATIO * entry.compress_size
        ):
            raise RosterError(
                f"{name}: {entry.filename} is packed more than {MAX_RATIO} to 1, "
                "which no roster is; it is not read"
            )


def _version(properties: dict[str, str]) -> str:
    stated = properties.get("oneroster.version")
    if not stated:
        raise RosterError(f"{MANIFEST} does not say which oneroster.version it is")
    version = ".".join(stated.lower().removeprefix("v").split(".")[:2])
    if version not in VERSIONS:
        raise RosterError(f"{MANIFEST}: OneRoster {stated} is not known here; 1.1 and 1.2 are")
    return version
