"""The enrolments that were imported, as they were told: who put whom on a roll, and until when.

The rolls themselves are the classes'. This is how an import tells whom an earlier one put there
from whom a teacher did, what a delta set's bare ``sourcedId`` means, and whose time has run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pymongo import DeleteOne, ReplaceOne

from quartapp_oneroster.rows import EnrolmentRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from quartapp import Database, Document


ENROLMENTS_PER_READ = 10_000


class Enrolments:
    """Imported enrolments in the database.

    Args:
        database: Where they live.
    """

    collection: ClassVar[str] = "oneroster_enrolments"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pages(self) -> AsyncIterator[list[EnrolmentRow]]:
        """Every one, some thousand at a time.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {}
        while True:
            async with self._database.operation():
                cursor = self._database.documents[self.collection].find(
                    query, sort=[("_id", 1)], limit=ENROLMENTS_PER_READ
                )
                found = await cursor.to_list()
            if not found:
                return
            yield [_row(document) for document in found]
            query = {"_id": {"$gt": found[-1]["_id"]}}

    async def save(self, kept: Sequence[EnrolmentRow]) -> None:
        """Keep some; can be repeated.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be written.
        """
        await self._write([ReplaceOne({"_id": _key(e)}, _document(e), upsert=True) for e in kept])

    async def drop(self, dropped: Sequence[EnrolmentRow]) -> None:
        """Forget some; can be repeated.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time; some may be gone.
        """
        await self._write([DeleteOne({"_id": _key(e)}) for e in dropped])

    async def _write(self, writes: Sequence[ReplaceOne[Document] | DeleteOne]) -> None:
        async with self._database.operation():
            await self._database.documents[self.collection].bulk_write(writes, ordered=False)


def _key(enrolment: EnrolmentRow) -> Document:
    # All three: an enrolment that moves to another class is kept under both until rolls are right.
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
