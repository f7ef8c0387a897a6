"""The files of excuses: known by their content, and kept in GridFS."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bson import ObjectId
from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile

from quartapp_excuses.errors import (
    FileTooLargeError,
    FileUnreadableError,
    NoFileError,
    TypeMismatchError,
)
from quartapp_excuses.models import EXCUSES, FILES

if TYPE_CHECKING:
    from quartapp import Clock, Database, Document

MOST_BYTES = 5 * 1024**2
# The first bytes of a file, by which every reader knows its type.
_SIGNATURES = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/jpeg": b"\xff\xd8\xff",
}
EXTENSIONS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
# An excuse is stored right behind its file. A file without an excuse is left of a process that was
# killed in between, or of one that was killed while it deleted both.
ORPHANED = timedelta(hours=1)
_CHECKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is to be kept.

    Attributes:
        content: The bytes.
        type: Media type, as the content shows it.
    """

    content: bytes
    type: str

    @classmethod
    def checked(cls, encoded: str, said: str | None = None) -> Upload:
        """Return a file whose content is what it has to be.

        Args:
            encoded: The bytes in base64.
            said: Media type that the sender names; None when they name none.

        Raises:
            FileTooLargeError: The file is larger than ``MOST_BYTES``.
            FileUnreadableError: The text is no base64, or the content no PDF, PNG or JPEG.
            TypeMismatchError: The content is of another type than the sender says.
        """
        if len(encoded) > (MOST_BYTES + 2) // 3 * 4:
            raise FileTooLargeError
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise FileUnreadableError from error
        if len(content) > MOST_BYTES:
            raise FileTooLargeError
        found = next((kind for kind, start in _SIGNATURES.items() if content.startswith(start)), "")
        if not found:
            raise FileUnreadableError
        if said not in (None, found):
            raise TypeMismatchError
        return cls(content, found)


class ExcuseFiles:
    """The stored files; each has the ``_id`` of its excuse.

    Args:
        database: The database that has the files.
        clock: Clock that tells the age of files.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, excuse_id: ObjectId, upload: Upload) -> None:
        """Store the file of an excuse that is about to be stored; a file of an earlier try goes.

        Args:
            excuse_id: ``_id`` of the excuse.
            upload: The file.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self.delete(excuse_id)
        async with self._database.operation():
            await self._bucket.upload_from_stream_with_id(excuse_id, str(excuse_id), upload.content)

    async def read(self, excuse_id: ObjectId) -> bytes:
        """Return the content of the file of an excuse.

        Args:
            excuse_id: ``_id`` of the excuse.

        Raises:
            NoFileError: There is no such file.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        try:
            async with self._database.operation():
                stream = await self._bucket.open_download_stream(excuse_id)
                content: bytes = await stream.read()
        except NoFile as error:
            raise NoFileError from error
        return content

    async def delete(self, excuse_id: ObjectId) -> None:
        """Delete the file of an excuse, if there is one.

        Args:
            excuse_id: ``_id`` of the excuse.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        # The first piece goes last: by it, a file is found that was deleted in part.
        documents = self._database.documents
        async with self._database.operation():
            await documents[f"{FILES}.files"].delete_one({"_id": excuse_id})
            pieces = documents[f"{FILES}.chunks"]
            await pieces.delete_many({"files_id": excuse_id, "n": {"$gt": 0}})
            await pieces.delete_many({"files_id": excuse_id})

    async def delete_orphans(self) -> int:
        """Delete files whose excuses do not exist, and return their number.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        documents, deleted = self._database.documents, 0
        ids: Document = {"$lt": ObjectId.from_datetime(self._clock.now() - ORPHANED)}
        while True:
            async with self._database.operation():
                # GridFS stores the pieces before the file.
                pieces = documents[f"{FILES}.chunks"].find({"n": 0, "_id": ids}, {"files_id": 1})
                page = await pieces.sort("_id", 1).limit(_CHECKED_AT_ONCE).to_list()
                named = [piece["files_id"] for piece in page]
                kept = set(await documents[EXCUSES].distinct("_id", {"_id": {"$in": named}}))
            for key in named:
                if key not in kept:
                    await self.delete(key)
                    deleted += 1
            if len(page) < _CHECKED_AT_ONCE:
                return deleted
            ids = {**ids, "$gt": page[-1]["_id"]}

    @property
    def _bucket(self) -> AsyncGridFSBucket:
        return AsyncGridFSBucket(self._database.documents, FILES)
