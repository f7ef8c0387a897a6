"""The enrolments that were imported: who was put on which roll, and until when.

The rolls themselves belong to the classes. The enrolments tell students whom an import put on a
roll from students whom a teacher put there, identify the ``sourcedId`` of a delta set, and say when
an enrolment ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pymongo import DeleteOne, ReplaceOne

from quartapp import read_pages
from quartapp_oneroster.rows import EnrolmentRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from quartapp import Database, Document


ENROLMENTS_PER_READ = 10_000


class Enrolments:
    """The imported enrolments in the database.

    Args:
        database: The database, open.
    """

    collection: ClassVar[str] = "oneroster_enrolments"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[EnrolmentRow]]:
        """Yield all imported enrolments in pages of a few thousand.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async for page in read_pages(self._database, self.collection, ENROLMENTS_PER_READ):
            yield [_row(document) for document in page]

    async def save(self, kept: Sequence[EnrolmentRow]) -> None:
        """Save enrolments; safe to repeat.

        Args:
            kept: Enrolments to save.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be written.
        """
        await self._write([ReplaceOne({"_id": _key(e)}, _document(e), upsert=True) for e in kept])

    async def drop(self, dropped: Sequence[EnrolmentRow]) -> None:
        """Delete enrolments; safe to repeat.

        Args:
            dropped: Enrolments to delete.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be deleted.
        """
        await self._write([DeleteOne({"_id": _key(e)}) for e in dropped])

    async def _write(self, writes: Sequence[ReplaceOne[Document] | DeleteOne]) -> None:
        async with self._database.operation():
            await self._database.documents[self.collection].bulk_write(writes, ordered=False)


def _key(enrolment: EnrolmentRow) -> Document:
    # The key has all three fields: an enrolment that moves to another class is kept under both
    # classes until the rolls are right.
    return {
        "sourcedId": enrolment.sourced_id,
        "class": enrolment.class_id,
        "user": enrolment.user,
    }


def _document(enrolment: EnrolmentRow) -> Document:
    return {
        "_id": _key(enrolment),
        "role": enrolment.role,
        "primary": enrolment.primary,
        "beginDate": enrolment.begin,
        "endDate": enrolment.end,
    }


def _row(document: Document) -> EnrolmentRow:
    key = document["_id"]
    return EnrolmentRow(
        sourced_id=key["sourcedId"],
        gone=False,
        class_id=key["class"],
        user=key["user"],
        role=document["role"],
        primary=document["primary"],
        begin=document["beginDate"],
        end=document["endDate"],
    )
