"""The form of a backup: records in a compressed stream, which ends with a digest of all of it.

A record is a letter, the length of the rest as four bytes, and the rest::

    H  the head, a BSON document: when, by which version, of which database
    C  a collection, a BSON document: its name, options and indexes
    D  documents of the collection before, BSON after BSON, as MongoDB keeps them
    E  the end, a BSON document: the number of documents of each collection

The SHA-256 of all this follows. So a file that was cut or changed is noticed before it is restored.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import bson
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from quartapp.errors import QuartappError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

MAGIC = b"quartapp backup 1\n"
HEAD, COLLECTION, DOCUMENTS, END = b"H", b"C", b"D", b"E"

FOLLOWING = {
    b"": HEAD,
    HEAD: COLLECTION + END,
    COLLECTION: COLLECTION + DOCUMENTS + END,
    DOCUMENTS: COLLECTION + DOCUMENTS + END,
}

# MongoDB sends batches of 16 MB and one document of as much beside.
LONGEST_RECORD = 64 * 2**20
_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = hashlib.sha256().digest_size
# A higher level takes several times as long for some percent.
_COMPRESSION = 6


class BackupError(QuartappError):
    """A backup that cannot be made, read or restored, and the reason."""


class BackupWriter:
    """Writes a backup; a ``with`` block that ends well completes it.

    Args:
        target: File to write to; it stays open.
        head: What the head says.
    """

    def __init__(self, target: BinaryIO, head: Mapping[str, Any]) -> None:
        self._stream = gzip.GzipFile(
            fileobj=target, mode="wb", compresslevel=_COMPRESSION, filename="", mtime=0
        )
        self._digest = hashlib.sha256()
        self.counts: dict[str, int] = {}
        self._name = ""
        self._put(MAGIC)
        self._record(HEAD, bson.encode(head))

    def __enter__(self) -> BackupWriter:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the end, unless something went wrong."""
        if kind is None:
            self._record(END, bson.encode({"collections": self.counts}))
            self._stream.write(self._digest.digest())
            self._stream.close()
            return
        # What was written has no end, and is no backup.
        with suppress(OSError, ValueError):
            self._stream.close()

    def collection(self, name: str, about: Mapping[str, Any]) -> None:
        """Begin a collection.

        Args:
            name: Its name.
            about: Its ``options`` and its ``indexes``, as MongoDB tells them.
        """
        self._name = name
        self.counts[name] = 0
        self._record(COLLECTION, bson.encode({"name": name, **about}))

    def documents(self, batch: bytes) -> None:
        """Add documents to the collection that was begun last.

        Args:
            batch: BSON after BSON.
        """
        self.counts[self._name] += sum(1 for _ in pieces(batch))
        self._record(DOCUMENTS, batch)

    def _record(self, kind: bytes, content: bytes) -> None:
        self._put(kind + _LENGTH.pack(len(content)))
        self._put(content)

    def _put(self, content: bytes) -> None:
        self._digest.update(content)
        self._stream.write(content)


def records(source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Read the records of a backup, and verify that it is whole at the end.

    Args:
        source: The backup, from its first byte.

    Yields:
        The kind and the content of each record.

    Raises:
        BackupError: It is no backup of this version, or it was cut or changed.
    """
    digest = hashlib.sha256()

    def read(size: int) -> bytes:
        content = stream.read(size)
        if len(content) < size:
            raise BackupError("the backup is not whole: it ends too early")
        digest.update(content)
        return content

    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise BackupError("this is no backup that this version of quartapp reads")
            digest.update(MAGIC)
            kind = b""
            while kind != END:
                before, kind = kind, read(1)
                if kind not in FOLLOWING[before]:
                    raise BackupError("the backup was changed: a record is out of place")
                (length,) = _LENGTH.unpack(read(_LENGTH.size))
                if length > LONGEST_RECORD:
                    raise BackupError("the backup was changed: a record is too long")
                yield kind, read(length)
            if stream.read(_DIGEST_BYTES + 1) != digest.digest():
                raise BackupError("the backup was changed: its digest is another one")
    except gzip.BadGzipFile as error:
        raise BackupError(f"this is no backup, or it was changed: {error}") from error
    except (EOFError, zlib.error) as error:
        raise BackupError(f"the backup is not whole: {error}") from error


def pieces(batch: bytes) -> Iterator[bytes]:
    """Take documents apart.

    Args:
        batch: BSON after BSON.

    Yields:
        Each document.

    Raises:
        BackupError: This is no sequence of BSON documents.
    """
    at = 0
    while at < len(batch):
        size = int.from_bytes(batch[at : at + 4], "little")
        document = batch[at : at + size]
        if not 5 <= size == len(document):
            raise BackupError("the backup was changed: a document has another length")
        yield document
        at += size


def decoded(content: bytes, **needed: type) -> dict[str, Any]:
    """Return a document of a record that tells about the backup.

    Args:
        content: The document in BSON.
        needed: Names of the fields that it has to have, with their types.

    Raises:
        BackupError: It is no BSON, or lacks a field, or has one of another type.
    """
    try:
        document = dict(bson.decode(content))
    except (InvalidBSON, OverflowError, ValueError) as error:
        raise BackupError(f"the backup was changed: {error}") from error
    for name, kind in needed.items():
        # Some types of BSON are kinds of texts.
        if type(document.get(name)) is not kind:
            raise BackupError(f"the backup was changed: a record has no {name}")
    return document


def raw(batch: bytes) -> list[RawBSONDocument]:
    """Return documents that go to MongoDB byte for byte.

    Args:
        batch: BSON after BSON.

    Raises:
        BackupError: This is no sequence of BSON documents.
    """
    try:
        return [RawBSONDocument(piece) for piece in pieces(batch)]
    except InvalidBSON as error:
        raise BackupError(f"the backup was changed: {error}") from error
