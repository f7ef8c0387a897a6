"""The day up to which nobody changes records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument

from quartapp_records.audited import LOCKED
from quartapp_records.errors import FutureDateError
from quartapp_records.happenings import RecordsLocked
from quartapp_records.models import RecordLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from quartapp import Clock, Database, Document, Plugins

KEY = "lock"


@dataclass(frozen=True, slots=True)
class LockState:
    """The lock.

    Attributes:
        through: Last locked day, as ``2026-07-31``; None when nothing is locked.
        at: Time of the last change; None before the first.
        by: Id of the user who made the last change; None for a command, and before the first.
    """

    through: str | None = None
    at: datetime | None = None
    by: str | None = None


class Lock:
    """The lock of records, which every change of a record reads.

    Args:
        database: The database that has the lock.
        plugins: The plugins that receive events.
        clock: Clock for the time of a change.
        local_day: Function that returns the local date.
    """

    def __init__(
        self, database: Database, plugins: Plugins, clock: Clock, local_day: Callable[[], date]
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._local_day = local_day

    async def state(self) -> LockState:
        """Return the lock.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return _state(await self._database.one(RecordLock.collection(), {"_id": KEY}))

    async def through(self) -> str | None:
        """Return the last locked day; None when nothing is locked.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return (await self.state()).through

    async def set(self, through: date | None, by: str | None) -> LockState:
        """Lock records up to a day, and unlock those after it.

        Args:
            through: Last locked day; None unlocks all records.
            by: Id of the user; None for a command.

        Raises:
            FutureDateError: The day lies in the future.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if through is not None and through > self._local_day():
            raise FutureDateError
        day = None if through is None else through.isoformat()
        event = RecordsLocked(day, by)
        before = await self._database.one(RecordLock.collection(), {"_id": KEY}) or {}
        async with self._database.operation():
            changed = await self._plugins.changes.stored(
                [event],
                lambda: self._stored(day, by),
                audited=[
                    LOCKED.entry(
                        by, before={"through": before.get("through")}, after={"through": day}
                    )
                ],
            )
        await self._plugins.on_event(event)
        return _state(changed)

    async def _stored(self, day: str | None, by: str | None) -> Document | None:
        return await self._database.documents[RecordLock.collection()].find_one_and_update(
            {"_id": KEY},
            {"$set": {"through": day, "at": self._clock.now(), "by": by and ObjectId(by)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )


def _state(document: Document | None) -> LockState:
    if document is None:
        return LockState()
    by = document.get("by")
    return LockState(document.get("through"), document["at"], None if by is None else str(by))
