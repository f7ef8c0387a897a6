"""The lease of a standalone MongoDB, which lets one process at a time serve.

A standalone MongoDB has no change streams, so several processes would not see each other's writes.
A process that serves from a standalone MongoDB holds and renews this lease, and refuses to start
while another process holds the lease.
"""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from bson import ObjectId
from pymongo.errors import DuplicateKeyError, PyMongoError

from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError, QuartappError
from quartapp.processes import is_running

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.clock import Clock
    from quartapp.database.database import Database

log = structlog.get_logger("quartapp.lease")

COLLECTION = "leases"
KEY = "single-process"
LEASE_SECONDS = 15.0
RENEWAL_SECONDS = 5.0


class LeaseTakenError(QuartappError):
    """The error for a standalone MongoDB that another process already serves from."""


class Lease:
    """The right to be the only process.

    Args:
        database: Database that stores the lease.
        clock: Clock that decides when the lease runs out.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._owner = ObjectId()
        self._renewal: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take the lease, and renew it until :meth:`release`.

        Raises:
            LeaseTakenError: Another running process has the lease.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        try:
            await self._write()
        except DuplicateKeyError:
            holder = await self._holder()
            raise LeaseTakenError(
                f"this MongoDB is a standalone server, which can serve one quartapp process only, "
                f"and {holder} serves from it; stop that one, or make MongoDB a replica set"
            ) from None
        self._renewal = asyncio.create_task(self._renew())

    async def release(self) -> None:
        """Give the lease back."""
        if self._renewal is None:
            return
        await end_tasks([self._renewal])
        try:
            async with self._database.operation():
                await self._leases.delete_one({"_id": KEY, "owner": self._owner})
        except DatabaseUnavailableError as error:
            log.warning("lease not given back, it runs out by itself", reason=str(error))

    @property
    def _leases(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]

    async def _write(self) -> None:
        now = self._clock.now()
        host = socket.gethostname()
        free: list[dict[str, Any]] = [{"owner": self._owner}, {"until": {"$lt": now}}]
        found = await self._find()
        if found and found["host"] == host and not is_running(found["pid"]):
            free.append({"owner": found["owner"]})
        async with self._database.operation():
            # If another process holds the lease, the upsert finds the duplicate key, and fails.
            await self._leases.update_one(
                {"_id": KEY, "$or": free},
                {
                    "$set": {
                        "owner": self._owner,
                        "host": host,
                        "pid": os.getpid(),
                        "until": now + timedelta(seconds=LEASE_SECONDS),
                    }
                },
                upsert=True,
            )

    async def _find(self) -> dict[str, Any] | None:
        async with self._database.operation():
            return await self._leases.find_one({"_id": KEY})

    async def _holder(self) -> str:
        found = await self._find()
        return f"process {found['pid']} on {found['host']}" if found else "another process"

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(RENEWAL_SECONDS)
            try:
                await self._write()
            except DuplicateKeyError:
                log.error("the lease was lost to another process: stop one of the two")
            except (PyMongoError, DatabaseUnavailableError) as error:
                log.warning("lease not renewed", reason=str(error))
