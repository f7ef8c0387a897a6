"""The notes of imports in the database: the set, the progress, and the outcome."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from quartapp import is_running, utc_now
from quartapp_oneroster.errors import RosterError

if TYPE_CHECKING:
    from types import TracebackType

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Document


COLLECTION = "oneroster_runs"
# One import runs at a time. An import that has not renewed its lease for this time counts as dead.
LEASE_SECONDS = 300.0
_LEASE = "lease"


class Run:
    """One import, from taking the lease to noting the outcome.

    Args:
        database: The database that has the notes; open.
        about: Fingerprint, name, version and modes of the set.
        delta: Whether the set has only changes to what the last import left.
    """

    def __init__(self, database: Database, about: Document, *, delta: bool) -> None:
        self._database = database
        self._about = about
        self._delta = delta
        self._id = ObjectId()
        self._done = False

    async def __aenter__(self) -> Self:
        """Take the lease.

        Raises:
            RosterError: Another import is running, or has to be finished before this one.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._take_lease()
        unfinished = await self._unfinished()
        if unfinished is not None and self._delta:
            await self._give_back()
            raise RosterError(
                f"the import of {unfinished['name']} was stopped halfway, and changes build on "
                "one another: import that one again first, or a complete (bulk) set"
            )
        now = utc_now()
        note = {**self._about, "state": "running", "startedAt": now, "updatedAt": now}
        async with self._database.operation():
            await self._runs.insert_one({"_id": self._id, **note})
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Note an import that did not finish, and release the lease."""
        if kind is not None and not issubclass(kind, Exception):
            # A forced end leaves no time to write. The note says "running", but its process is
            # gone.
            return
        if not self._done:
            await self._note({"state": "stopped", "reason": str(error or "")})
        await self._give_back()

    async def enter(self, phase: str, total: int) -> None:
        """Note the beginning of a phase.

        Args:
            phase: Name of the phase.
            total: Number of writes in the phase.
        """
        await self._note({"phase": phase, "total": total, "written": 0})

    async def advance(self, count: int) -> None:
        """Note that more has been written, and renew the lease.

        Args:
            count: Number of writes since the last call.
        """
        async with self._database.operation():
            await self._runs.update_one(
                {"_id": self._id},
                {"$inc": {"written": count}, "$set": {"updatedAt": utc_now()}},
            )
            await self._runs.update_one({"_id": _LEASE, "run": self._id}, {"$set": _until()})

    async def finish(self, counts: Document) -> None:
        """Note that everything is written; this also settles imports that were stopped before.

        Args:
            counts: Totals of the import.
        """
        await self._note({"state": "done", "finishedAt": utc_now(), **counts})
        async with self._database.operation():
            await self._runs.update_many(
                {"_id": {"$ne": self._id}, "state": {"$in": ["running", "stopped"]}},
                {"$set": {"state": "continued", "continuedBy": self._id}},
            )
        self._done = True

    @property
    def _runs(self) -> AsyncCollection[Document]:
        return self._database.documents[COLLECTION]

    async def _note(self, values: Document) -> None:
        async with self._database.operation():
            await self._runs.update_one(
                {"_id": self._id}, {"$set": {**values, "updatedAt": utc_now()}}
            )

    async def _unfinished(self) -> Document | None:
        """Return a stopped import of another set that no later import has settled."""
        query = {
            "state": {"$in": ["running", "stopped"]},
            "written": {"$exists": True},
            "fingerprint": {"$ne": self._about["fingerprint"]},
        }
        async with self._database.operation():
            return await self._runs.find_one(query, sort=[("startedAt", -1)])

    async def _take_lease(self) -> None:
        host = socket.gethostname()
        async with self._database.operation():
            held = await self._runs.find_one({"_id": _LEASE})
            free: list[Document] = [{"until": {"$lt": utc_now()}}]
            if held and held["host"] == host and not is_running(held["pid"]):
                free.append({"run": held["run"]})
            holder = {"run": self._id, "host": host, "pid": os.getpid(), **_until()}
            try:
                # While another import holds the lease, the filter matches nothing, and the upsert
                # conflicts with the lease's document.
                await self._runs.update_one(
                    {"_id": _LEASE, "$or": free}, {"$set": holder}, upsert=True
                )
            except DuplicateKeyError:
                whose = f"process {held['pid']} on {held['host']}" if held else "another process"
                raise RosterError(f"another import is running, in {whose}; wait for it") from None

    async def _give_back(self) -> None:
        async with self._database.operation():
            await self._runs.delete_one({"_id": _LEASE, "run": self._id})


def _until() -> Document:
    return {"until": utc_now() + timedelta(seconds=LEASE_SECONDS)}
