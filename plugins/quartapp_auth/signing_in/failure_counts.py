"""The counters of failed sign-ins in MongoDB, which all processes share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Document

COLLECTION = "failedSignIns"

WINDOW = timedelta(minutes=10)
# Failures of a pair are forgotten after this time without a further one.
MEMORY = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=1)
# Two to this power, in seconds, is longer than the longest wait.
_HIGHEST_POWER = 6
KNOWN = timedelta(days=30)
# A success writes only if the pair would be known for less than this time.
_KNOWN_AT_LEAST = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of a counter.

    Attributes:
        name: Name of the limit in metrics.
        failures: Number of failures without a wait.
        grows: Whether each further failure doubles the wait, from 1 second to ``LONGEST_WAIT``;
            otherwise the wait lasts to the end of the ``WINDOW`` that began with the first failure.
    """

    name: str
    failures: int
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter.

    Attributes:
        failures: Number of failures that count now.
        waits_until: End of the wait; None without one.
        known_until: Time until which the account is known in the network; None for an account that
            has not signed in there.
    """

    failures: int = 0
    waits_until: datetime | None = None
    known_until: datetime | None = None

    def is_known(self, now: datetime) -> bool:
        """Tell whether the account has signed in from the network within ``KNOWN``."""
        return self.known_until is not None and self.known_until > now

    def is_known_for_long(self, now: datetime) -> bool:
        """Tell whether a success would prolong the knowledge by less than a day."""
        return self.is_known(now + _KNOWN_AT_LEAST)


class FailureCounts:
    """The counters in the collection ``failedSignIns``.

    MongoDB removes a counter some time after its end; until then, the queries look at the time.

    Args:
        database: The app's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, names: Iterable[str], now: datetime) -> dict[str, Counted]:
        """Return counters by name; a counter that is not stored is 0.

        Args:
            names: Names of the counters.
            now: The present time.
        """
        asked = list(names)
        async with self._database.operation():
            found = await self._counters.find({"_id": {"$in": asked}}).to_list()
        stored = {document["_id"]: _counted(document, now) for document in found}
        return {name: stored.get(name, Counted()) for name in asked}

    async def fail(self, name: str, limit: Limit, now: datetime) -> Counted:
        """Count a failure, unless the counter's wait has begun, and return the counter before.

        Args:
            name: Name of the counter.
            limit: Limit of the counter.
            now: The present time.
        """
        update = _failure(limit, now)
        async with self._database.operation():
            try:
                before = await self._update(name, update)
            except DuplicateKeyError:
                # Another process has made the counter at the same moment.
                before = await self._update(name, update)
        return Counted() if before is None else _counted(before, now)

    async def know(self, name: str, now: datetime) -> None:
        """Forget the failures of a pair, whose account is known in the network from now on.

        Args:
            name: Name of the pair's counter.
            now: The present time.
        """
        until = now + KNOWN
        async with self._database.operation():
            await self._counters.update_one(
                {"_id": name},
                {
                    "$set": {"failures": 0, "knownUntil": until, "expires": until},
                    "$unset": {"countsUntil": "", "waitsUntil": ""},
                },
                upsert=True,
            )

    async def forget(self, name: str) -> None:
        """Remove a counter.

        Args:
            name: Name of the counter.
        """
        async with self._database.operation():
            await self._counters.delete_one({"_id": name})

    @property
    def _counters(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]

    async def _update(self, name: str, update: list[Document]) -> Document | None:
        return await self._counters.find_one_and_update(
            {"_id": name}, update, upsert=True, return_document=ReturnDocument.BEFORE
        )


def _failure(limit: Limit, now: datetime) -> list[Document]:
    """Return the update of a counter by one failure; times that are not stored count as past."""
    counts, waits = {"$gt": ["$countsUntil", now]}, {"$gt": ["$waitsUntil", now]}
    more = {"$add": [{"$cond": [counts, "$failures", 0]}, 1]}
    over = {"$subtract": ["$failures", limit.failures]}
    if limit.grows:
        end: Document = {"$literal": now + MEMORY}
        power = {"$pow": [2, {"$min": [over, _HIGHEST_POWER]}]}
        longest = LONGEST_WAIT.total_seconds() * 1000
        wait: Document = {"$add": [now, {"$min": [{"$multiply": [power, 1000]}, longest]}]}
    else:
        end = {"$cond": [counts, "$countsUntil", now + WINDOW]}
        wait = {"$add": ["$countsUntil", 0]}
    return [
        {
            "$set": {
                "failures": {"$cond": [waits, "$failures", more]},
                "countsUntil": {"$cond": [waits, "$countsUntil", end]},
            }
        },
        {
            "$set": {
                "waitsUntil": {
                    "$cond": [
                        waits,
                        "$waitsUntil",
                        {"$cond": [{"$gte": [over, 0]}, wait, None]},
                    ]
                },
                "expires": {"$max": ["$countsUntil", "$knownUntil"]},
            }
        },
    ]


def _counted(document: Document, now: datetime) -> Counted:
    counts_until = document.get("countsUntil")
    counts = counts_until is not None and counts_until > now
    return Counted(
        failures=document["failures"] if counts else 0,
        waits_until=document.get("waitsUntil"),
        known_until=document.get("knownUntil"),
    )
