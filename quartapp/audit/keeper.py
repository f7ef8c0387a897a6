"""The keeper, which links what waits, shortens addresses, and deletes old days.

All its work can be repeated and done by several processes at once, so no process has a lease.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from quartapp.audit.action import AuditAction
from quartapp.audit.form import ENTRIES, NEWEST_FIRST, PENDING, first_day_with_addresses
from quartapp.encoding import timestamp
from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from quartapp.audit.audit import Audit
    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

log = structlog.get_logger("quartapp.audit")

LOOK_SECONDS = 75.0
# A change whose rows wait longer has lost its process, or the database was away.
FORGOTTEN_SECONDS = 30.0
ROWS_AT_ONCE = 500

DAYS_DELETED = AuditAction("quartapp.audit-days-deleted", values=("through", "hash"))
"""The entry that replaces old days: the last deleted day, and the hash of its last entry."""


class Keeper:
    """Keeps the audit in order while a server runs.

    Args:
        audit: The audit.
        database: Database that stores the entries.
        clock: Clock that decides what is old.
        days: Days that entries are kept.
    """

    def __init__(self, audit: Audit, database: Database, clock: Clock, days: int) -> None:
        self._audit = audit
        self._database = database
        self._clock = clock
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now, and then periodically until :meth:`stop`."""
        self._task = asyncio.create_task(self._repeat())

    async def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            await end_tasks([self._task])

    async def look(self) -> None:
        """Link rows that wait, shorten addresses, and delete old days.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        await self._link_forgotten()
        await self._shorten()
        await self._delete_old()

    async def _repeat(self) -> None:
        while True:
            try:
                await self.look()
            except DatabaseUnavailableError as error:
                log.warning("the audit waits for the database", reason=str(error))
            except Exception as error:
                log.exception("the keeper of the audit failed", exc_info=error)
            await self._clock.sleep(LOOK_SECONDS)

    async def _link_forgotten(self) -> None:
        before = timestamp(self._clock.now() - timedelta(seconds=FORGOTTEN_SECONDS))
        while True:
            async with self._database.operation():
                rows = await (
                    self._database.documents[PENDING]
                    .find({"at": {"$lt": before}})
                    .sort([("at", 1), ("_id", 1)])
                    .limit(ROWS_AT_ONCE)
                    .to_list()
                )
            if not rows:
                return
            await self._audit.link(rows)
            # The chain forgets linked rows, unless the database fails it just then.
            async with self._database.operation():
                await self._database.documents[PENDING].delete_many(
                    {"_id": {"$in": [row["_id"] for row in rows]}}
                )

    async def _shorten(self) -> None:
        first = first_day_with_addresses(self._clock.now().date())
        async with self._database.operation():
            await self._database.documents[ENTRIES].update_many(
                {"day": {"$lt": first}, "salt": {"$type": "string"}},
                {"$unset": {"address": "", "salt": ""}},
            )

    async def _delete_old(self) -> None:
        kept = (self._clock.now().date() - timedelta(days=self._days)).isoformat()
        entries = self._database.documents[ENTRIES]
        last = await self._newest({"day": {"$lt": kept}})
        if last is None:
            return
        through = last["day"]
        noted = await self._newest({"action": DAYS_DELETED.name})
        if noted is None or noted["after"]["through"] < through:
            # The entry comes first: without it, the chain would seem to be cut.
            await self._audit.add(
                DAYS_DELETED.entry(after={"through": through, "hash": last["hash"]})
            )
        async with self._database.operation():
            await entries.delete_many({"day": {"$lte": through}})
        log.info("old days of the audit are deleted", through=through)

    async def _newest(self, query: Document) -> Document | None:
        async with self._database.operation():
            return await self._database.documents[ENTRIES].find_one(query, sort=NEWEST_FIRST)
