"""A lease by name: one process of the whole installation does something, as long as it lives."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

COLLECTION = "leases"
LEASE_SECONDS = 15.0
# A process that is killed is replaced when its lease has run out, and another one has looked.
LOOK_SECONDS = 5.0

Result = TypeVar("Result")


class LeaseLostError(Exception):
    """Another process may hold the lease by now."""


class NamedLease:
    """A document in the collection ``leases``, which says who holds the lease, and until when.

    Args:
        database: Where the document is.
        clock: Says when a lease runs out.
        name: ``_id`` of the document.
        first: Further fields of the document when the lease is taken for the first time.
    """

    def __init__(
        self, database: Database, clock: Clock, name: str, first: Document | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._first = first or {}
        self._owner = ObjectId()

    async def take(self) -> Document | None:
        """Take the lease, or renew it.

        Returns:
            The lease's document; None while another process holds the lease.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        now = self._clock.now()
        held = {"owner": self._owner, "until": now + timedelta(seconds=LEASE_SECONDS)}
        change: Document = {"$set": held}
        if self._first:
            change["$setOnInsert"] = self._first
        free: list[dict[str, Any]] = [{"owner": self._owner}, {"until": {"$lte": now}}]
        try:
            async with self._database.operation():
                # When neither is the case, the upsert meets the holder's document, and fails.
                return await self._database.documents[COLLECTION].find_one_and_update(
                    {"_id": self._name, "$or": free},
                    change,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except DuplicateKeyError:
            return None

    async def note(self, fields: Document) -> None:
        """Write further fields into the document, if the lease is still held.

        Args:
            fields: The fields.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._database.documents[COLLECTION].update_one(
                {"_id": self._name, "owner": self._owner}, {"$set": fields}
            )

    async def give_back(self) -> None:
        """Let others take the lease at once; harmless when it is not held."""
        with suppress(DatabaseUnavailableError, PyMongoError):  # then it runs out by itself
            async with self._database.operation():
                await self._database.documents[COLLECTION].update_one(
                    {"_id": self._name, "owner": self._owner},
                    {"$unset": {"owner": 1}, "$set": {"until": self._clock.now()}},
                )

    async def kept_during(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` in a task of its own, and renew the lease meanwhile.

        Args:
            work: What only the holder may do; it is cancelled when the lease is lost.

        Raises:
            LeaseLostError: The lease could not be renewed in time.
        """
        task = asyncio.create_task(work)
        held_until = self._clock.monotonic() + LEASE_SECONDS
        try:
            while True:
                with suppress(TimeoutError):
                    await self._clock.wait_for(asyncio.wait({task}), LOOK_SECONDS)
                if task.done():
                    return task.result()
                try:
                    if await self.take() is None:
                        raise LeaseLostError
                    held_until = self._clock.monotonic() + LEASE_SECONDS
                except (DatabaseUnavailableError, PyMongoError) as error:
                    if self._clock.monotonic() + LOOK_SECONDS > held_until:
                        raise LeaseLostError from error
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
