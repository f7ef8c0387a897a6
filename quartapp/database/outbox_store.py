"""The entries of the outbox in MongoDB, which wait until a plugin has delivered them.

An entry is stored in the transaction of the change that causes it. MongoDB sets ``order`` to a
timestamp at that write. Later changes have later timestamps, in all processes, and the timestamps
of one document's changes have the order of the commits. A delivered entry is deleted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo import ReturnDocument

from quartapp.database.outbox_entry import COLLECTION, SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document
    from quartapp.database.outbox_entry import OutboxEntry

LEASE_SECONDS = 15.0
# Smaller corrections of the clock make no entry wait noticeably longer.
SET_BACK_SECONDS = 1.0
# Largest number of lanes that one search returns; the next search finds the others.
LANES_PER_SEARCH = 100
_WAITING: Document = {"lane": {"$exists": True}}
_DEAD: Document = {"expires": {"$exists": True}}


class OutboxStore:
    """The stored entries.

    Each method raises DatabaseUnavailableError if MongoDB does not answer in time.

    Args:
        database: Database that stores the entries.
        clock: Clock that decides which entries are due.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._process = ObjectId()

    @property
    def _entries(self) -> AsyncCollection[Document]:
        return self._database.documents[COLLECTION]

    async def add(
        self, entries: Sequence[tuple[str, OutboxEntry]], numbers: Sequence[int] = ()
    ) -> None:
        """Store entries in the current transaction, after the change.

        Args:
            entries: The entries in their order, each with the name of its plugin.
            numbers: Number of each entry's change; empty for changes without numbers.
        """
        now = self._clock.now()
        seqs: Sequence[int | None] = numbers or [None] * len(entries)
        await self._entries.insert_many(
            [
                entry.document(plugin, now, seq=seq)
                for (plugin, entry), seq in zip(entries, seqs, strict=True)
            ]
        )

    async def due(self, open_to: Document, busy: Sequence[str]) -> list[Document]:
        """Return the first entry of each lane if the entry is due, for ``LANES_PER_SEARCH`` lanes.

        Args:
            open_to: Query that selects the plugins and kinds with free slots.
            busy: Lanes to leave out.
        """
        wanted = {"due": {"$lte": self._clock.now()}, "_id": {"$nin": list(busy)}, **open_to}
        names = ("plugin", "kind", "key", "due", "order", "claim")
        first = {name: {"$first": f"${name}"} for name in names} | {"entry": {"$first": "$_id"}}
        async with self._database.operation():
            # With the order of the index, and $first alone, MongoDB reads one key of each lane.
            found = await self._entries.aggregate(
                [
                    {"$sort": {"lane": 1, "place": 1, "order": 1}},
                    {"$group": {"_id": "$lane", **first}},
                    {"$match": wanted},
                    {"$sort": {"due": 1, "order": 1}},
                    {"$limit": LANES_PER_SEARCH},
                ]
            )
            return await found.to_list()

    def is_own(self, head: Document) -> bool:
        """Tell whether this process has claimed the first entry of a lane, as :meth:`due` says."""
        return bool(head["claim"] == self._process)

    async def claim(
        self, lane: str, *, loose: bool, but: Sequence[ObjectId] = ()
    ) -> Document | None:
        """Claim the first entry of a lane, for a delivery by this process.

        Args:
            lane: A lane that :meth:`due` returned.
            loose: Whether the entries of the lane have no key.
            but: Entries of a loose lane to leave out.

        Returns:
            The entry; None if no entry is due, or another process has claimed it.
        """
        now = self._clock.now()
        taken = [
            {"$set": {"claim": self._process}},
            _due_at(now + timedelta(seconds=LEASE_SECONDS), now),
        ]
        async with self._database.operation():
            if loose:
                return await self._entries.find_one_and_update(
                    {"lane": lane, "place": {"$lte": now}, "_id": {"$nin": list(but)}},
                    taken,
                    sort=[("place", 1), ("order", 1)],
                    return_document=ReturnDocument.AFTER,
                )
            first = await self._entries.find_one({"lane": lane}, {"_id": 1}, sort=[("place", 1)])
            if first is None:
                return None
            return await self._entries.find_one_and_update(
                {"_id": first["_id"], "due": {"$lte": now}},
                taken,
                return_document=ReturnDocument.AFTER,
            )

    async def renew(self) -> None:
        """Keep all claims of this process for another ``LEASE_SECONDS``."""
        now = self._clock.now()
        until = now + timedelta(seconds=LEASE_SECONDS)
        async with self._database.operation():
            await self._entries.update_many({"claim": self._process}, [_due_at(until, now)])

    async def rewind(self) -> int:
        """Let nothing wait for a time that the clock shows much later, as it was set back.

        Entries that wait for another try become due now, and those that a process has taken when
        its lease runs out.

        Returns:
            Number of entries that were to wait by the clock as it was before.
        """
        now = self._clock.now()
        lease = now + timedelta(seconds=LEASE_SECONDS)
        when = {"$cond": [{"$gt": ["$claim", None]}, lease, now]}
        async with self._database.operation():
            done = await self._entries.update_many(
                {"since": {"$gt": now + timedelta(seconds=SET_BACK_SECONDS)}}, [_due_at(when, now)]
            )
        return done.modified_count

    async def give_back(self) -> None:
        """Give up all claims of this process, so that the entries are due at once."""
        now = self._clock.now()
        change = [_due_at(now, now), {"$unset": ["claim"]}]
        async with self._database.operation():
            await self._entries.update_many({"claim": self._process}, change)

    async def delivered(self, entry: Document) -> None:
        """Delete a delivered entry, unless another process has claimed it meanwhile.

        Args:
            entry: The entry, as :meth:`claim` returned it.
        """
        async with self._database.operation():
            await self._entries.delete_one({"_id": entry["_id"], "claim": self._process})

    async def postpone(self, entry: Document, reason: str, due: datetime) -> None:
        """Note that a delivery failed, and when the next try is due.

        Args:
            entry: The entry, as :meth:`claim` returned it.
            reason: Why the try failed.
            due: Time of the next try, in UTC.
        """
        await self._note_failure(
            entry, reason, [_due_at(due, self._clock.now()), {"$unset": ["claim"]}]
        )

    async def bury(self, entry: Document, reason: str, expires: datetime) -> None:
        """Make an entry a dead entry, which is not tried again by itself.

        Args:
            entry: The entry, as :meth:`claim` returned it.
            reason: Why the last try failed.
            expires: When the dead entry is deleted, in UTC.
        """
        gone = ["claim", "lane", "place", "due"]
        await self._note_failure(entry, reason, [{"$set": {"expires": expires}}, {"$unset": gone}])

    async def _note_failure(self, entry: Document, reason: str, changes: list[Document]) -> None:
        noted = {"reason": {"$literal": reason}, "attempts": {"$add": ["$attempts", 1]}}
        async with self._database.operation():
            await self._entries.update_one(
                {"_id": entry["_id"], "claim": self._process}, [{"$set": noted}, *changes]
            )

    async def backlog(self) -> tuple[int, int, float]:
        """Return the numbers of waiting and of dead entries, and the age of the oldest waiting one.

        The age is in seconds; 0 without a waiting entry.
        """
        async with self._database.operation():
            count = await self._entries.estimated_document_count()
            dead = await self._entries.count_documents(_DEAD)
            oldest = await self._entries.find_one(_WAITING, {"created": 1}, sort=[("order", 1)])
        age = 0.0 if oldest is None else (self._clock.now() - oldest["created"]).total_seconds()
        return max(count - dead, 0), dead, max(age, 0.0)

    async def summary(self, chosen: Mapping[str, Any] | None = None) -> list[Document]:
        """Return a summary of the entries with the same plugin, kind and key.

        Args:
            chosen: Query that selects entries; None for all entries.

        Returns:
            For each group its ``plugin``, ``kind`` and ``key``, the numbers of ``waiting`` and
            ``dead`` entries, the most ``attempts`` of one entry, and the ``reason`` of the newest
            failure, oldest group first.
        """
        failed = {"order": "$order", "reason": "$reason"}
        async with self._database.operation():
            found = await self._entries.aggregate(
                [
                    {"$match": dict(chosen or {})},
                    {
                        "$group": {
                            "_id": {"plugin": "$plugin", "kind": "$kind", "key": "$key"},
                            "dead": {"$sum": {"$cond": [{"$gt": ["$expires", None]}, 1, 0]}},
                            "count": {"$sum": 1},
                            "created": {"$min": "$created"},
                            "attempts": {"$max": "$attempts"},
                            "failed": {"$max": {"$cond": ["$reason", failed, None]}},
                        }
                    },
                    {"$sort": {"created": 1, "_id": 1}},
                ]
            )
            groups = await found.to_list()
        return [
            {
                "key": None,
                **group["_id"],
                "waiting": group["count"] - group["dead"],
                "dead": group["dead"],
                "attempts": group["attempts"],
                "reason": (group["failed"] or {}).get("reason"),
            }
            for group in groups
        ]

    async def retry(self, chosen: Mapping[str, Any]) -> int:
        """Make entries due at once, except those that are being delivered; return how many.

        Args:
            chosen: Query that selects entries, by ``plugin``, ``kind`` and ``key``.
        """
        waiting = {**chosen, **_WAITING, "claim": {"$exists": False}}
        async with self._database.operation():
            now = self._clock.now()
            done = await self._entries.update_many(waiting, [_due_at(now, now)])
        return done.modified_count + await self.revive(chosen)

    async def revive(self, chosen: Mapping[str, Any]) -> int:
        """Turn dead entries into waiting ones without failed attempts; return how many.

        Args:
            chosen: Query that selects entries, by ``plugin``, ``kind`` and ``key``.
        """
        now = self._clock.now()
        parts = ["$plugin", "$kind", "$key"]
        keyed = {"$concat": [part for name in parts for part in (name, SEPARATOR)][:-1]}
        loose = {"$concat": ["$plugin", SEPARATOR, "$kind"]}
        has_key = {"$gt": ["$key", None]}
        again = {
            "lane": {"$cond": [has_key, keyed, loose]},
            "place": {"$cond": [has_key, "$order", now]},
            "due": now,
            "since": now,
            "attempts": 0,
        }
        async with self._database.operation():
            done = await self._entries.update_many(
                {**chosen, **_DEAD}, [{"$set": again}, {"$unset": ["expires"]}]
            )
        return done.modified_count

    async def drop(self, chosen: Mapping[str, Any]) -> int:
        """Delete entries; return how many.

        Args:
            chosen: Query that selects entries, by ``plugin``, ``kind`` and ``key``.
        """
        async with self._database.operation():
            return (await self._entries.delete_many(dict(chosen))).deleted_count


def _due_at(when: datetime | Document, now: datetime) -> Document:
    """Return the stage of an update that says when entries are due.

    Args:
        when: The time, or an expression for it.
        now: The present time, from which entries wait.
    """
    is_loose = {"$eq": [{"$type": "$place"}, "date"]}
    place = {"$cond": [is_loose, when, "$place"]}
    return {"$set": {"due": when, "since": now, "place": place}}
