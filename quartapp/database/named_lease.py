"""Named leases, which give work to one process of the whole installation."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

COLLECTION = "leases"
LEASE_SECONDS = 15.0
# Time between two looks: another process takes over from a killed one at the first look after the
# end of the lease.
LOOK_SECONDS = 5.0

Result = TypeVar("Result")


class LeaseLostError(Exception):
    """The error for a lease that another process may hold by now."""


class NamedLease:
    """A document in the collection ``leases``, with the holder of the lease and its end.

    Args:
        database: Database that stores the document.
        clock: Clock that decides when the lease runs out.
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
        holder = {"owner": self._owner, "until": now + timedelta(seconds=LEASE_SECONDS)}
        change: Document = {"$set": holder}
        if self._first:
            change["$setOnInsert"] = self._first
        free: list[dict[str, Any]] = [{"owner": self._owner}, {"until": {"$lte": now}}]
        try:
            async with self._database.operation():
                # If another process holds the lease, the upsert finds the duplicate key, and fails.
                return await self._database.documents[COLLECTION].find_one_and_update(
                    {"_id": self._name, "$or": free},
                    change,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except DuplicateKeyError:
            return None

    async def note(self, fields: Document) -> None:
        """Write further fields into the document, if this process still holds the lease.

        Args:
            fields: The fields to write.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._database.documents[COLLECTION].update_one(
                {"_id": self._name, "owner": self._owner}, {"$set": fields}
            )

    async def give_back(self) -> None:
        """Let other processes take the lease at once; do nothing without the lease."""
        with suppress(DatabaseUnavailableError, PyMongoError):  # the lease then runs out by itself
            async with self._database.operation():
                await self._database.documents[COLLECTION].update_one(
                    {"_id": self._name, "owner": self._owner},
                    {"$unset": {"owner": 1}, "$set": {"until": self._clock.now()}},
                )

    async def kept_during(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in a task of its own, and renew the lease meanwhile.

        Args:
            work: Coroutine that only the holder may run; it is cancelled when the lease is lost.

        Returns:
            The result of ``work``.

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
            await end_tasks([task])
