"""The outbox as it is in MongoDB: entries that wait until a plugin has delivered them.

An entry is stored in the transaction of the change that it tells of. ``order`` is a timestamp that
MongoDB gives at that write: later changes have later ones, over all processes, and changes of one
document have them in the order of their commits. A delivered entry is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from bson import ObjectId, Timestamp
from mongoengine import DateTimeField, DynamicField, IntField, ObjectIdField, StringField
from pymongo import ReturnDocument

from quartapp.database.database import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

COLLECTION = "outbox"
LEASE_SECONDS = 15.0
# Lanes that one look returns; what is due beyond is found by the next look.
LANES_PER_LOOK = 100
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """What a plugin wants to deliver because of an event.

    Attributes:
        kind: Kind of delivery, such as ``mail`` or the name of another system.
        key: Entries of one kind and key are delivered in their order, one after another.
        data: What ``deliver`` gets, as MongoDB can store it.
    """

    kind: str
    key: str
    data: Mapping[str, Any]


class StoredEntry(Model):
    """The document of an entry; read and written by this module alone.

    ``due`` is when the entry may be tried next. A process that delivers an entry holds ``due`` in
    the future, so an entry whose process died becomes due by itself.
    """

    id = ObjectIdField(primary_key=True)
    plugin = StringField(required=True)
    kind = StringField(required=True)
    key = StringField(required=True)
    lane = StringField(required=True)
    data = DynamicField(required=True)
    order = DynamicField(required=True)
    created = DateTimeField(required=True)
    due = DateTimeField(required=True)
    attempts = IntField(required=True)
    claim = ObjectIdField()
    reason = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": COLLECTION,
        "indexes": [("lane", "order"), "order", "claim"],
    }


class OutboxStore:
    """Entries in the database. Every method raises DatabaseUnavailableError when it is away.

    Args:
        database: Where entries are.
        clock: Decides which entries are due.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._process = ObjectId()

    @property
    def _entries(self) -> AsyncCollection[Document]:
        return self._database.documents[COLLECTION]

    async def add(self, entries: Sequence[tuple[str, OutboxEntry]]) -> None:
        """Store entries, in a transaction that is under way.

        Args:
            entries: Entries in their order, each with the name of its plugin.
        """
        now = self._clock.now()
        await self._entries.insert_many(
            [
                {
                    "plugin": plugin,
                    "kind": entry.kind,
                    "key": entry.key,
                    "lane": _SEPARATOR.join((plugin, entry.kind, entry.key)),
                    "data": dict(entry.data),
                    # MongoDB puts its logical time here, which only ever grows.
                    "order": Timestamp(0, 0),
                    "created": now,
                    "due": now,
                    "attempts": 0,
                }
                for plugin, entry in entries
            ]
        )

    async def due(
        self, plugins: Sequence[str], busy: Sequence[str], full: Sequence[tuple[str, str]]
    ) -> list[Document]:
        """Return first entries of lanes that are due: of up to ``LANES_PER_LOOK`` lanes.

        Args:
            plugins: Plugins that can deliver.
            busy: Lanes to leave out.
            full: Plugins and kinds to leave out.
        """
        wanted: Document = {
            "due": {"$lte": self._clock.now()},
            "plugin": {"$in": list(plugins)},
            "_id": {"$nin": list(busy)},
        }
        if full:
            wanted["$nor"] = [{"plugin": plugin, "kind": kind} for plugin, kind in full]
        first = {name: {"$first": f"${name}"} for name in ("plugin", "kind", "due", "order")}
        async with self._database.operation():
            # Sorted as the index is, and with $first alone, MongoDB reads one key of each lane.
            found = await self._entries.aggregate(
                [
                    {"$sort": {"lane": 1, "order": 1}},
                    {"$group": {"_id": "$lane", "entry": {"$first": "$_id"}, **first}},
                    {"$match": wanted},
                    {"$sort": {"due": 1, "order": 1}},
                    {"$limit": LANES_PER_LOOK},
                ]
            )
            return await found.to_list()

    async def claim(self, lane: str) -> Document | None:
        """Take the first entry of a lane; None when none is due, or another process has it.

        Args:
            lane: A lane that :meth:`due` returned.
        """
        now = self._clock.now()
        async with self._database.operation():
            first = await self._entries.find_one({"lane": lane}, {"_id": 1}, sort=[("order", 1)])
            if first is None:
                return None
            return await self._entries.find_one_and_update(
                {"_id": first["_id"], "due": {"$lte": now}},
                {"$set": {"claim": self._process, "due": now + timedelta(seconds=LEASE_SECONDS)}},
                return_document=ReturnDocument.AFTER,
            )

    async def renew(self) -> None:
        """Keep everything that this process has taken for another ``LEASE_SECONDS``."""
        until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        async with self._database.operation():
            await self._entries.update_many({"claim": self._process}, {"$set": {"due": until}})

    async def give_back(self) -> None:
        """Make everything that this process has taken due at once."""
        change = {"$set": {"due": self._clock.now()}, "$unset": {"claim": 1}}
        async with self._database.operation():
            await self._entries.update_many({"claim": self._process}, change)

    async def delivered(self, entry: Document) -> None:
        """Delete a delivered entry, unless another process has taken it over meanwhile."""
        async with self._database.operation():
            await self._entries.delete_one({"_id": entry["_id"], "claim": self._process})

    async def postpone(self, entry: Document, reason: str, due: datetime) -> None:
        """Note that a delivery failed, and when it may be tried again."""
        async with self._database.operation():
            await self._entries.update_one(
                {"_id": entry["_id"], "claim": self._process},
                {
                    "$set": {"due": due, "reason": reason},
                    "$inc": {"attempts": 1},
                    "$unset": {"claim": 1},
                },
            )

    async def backlog(self) -> tuple[int, float]:
        """Return how many entries wait, and the age of the oldest in seconds."""
        async with self._database.operation():
            count = await self._entries.estimated_document_count()
            oldest = await self._entries.find_one({}, {"created": 1}, sort=[("order", 1)])
        age = 0.0 if oldest is None else (self._clock.now() - oldest["created"]).total_seconds()
        return count, max(age, 0.0)

    async def summary(self) -> list[Document]:
        """Return for each lane its plugin, kind and key, its count, and what its first suffers."""
        shown = ("plugin", "kind", "key", "due", "attempts", "reason", "created")
        first = {name: {"$first": f"${name}"} for name in shown}
        async with self._database.operation():
            found = await self._entries.aggregate(
                [
                    {"$sort": {"lane": 1, "order": 1}},
                    {"$group": {"_id": "$lane", "count": {"$sum": 1}, **first}},
                    {"$sort": {"created": 1, "_id": 1}},
                ]
            )
            return await found.to_list()

    async def retry(self, chosen: Mapping[str, str]) -> int:
        """Make entries due now that are not being delivered; return how many.

        Args:
            chosen: Values of ``plugin``, ``kind`` and ``key`` that entries have to have.
        """
        async with self._database.operation():
            done = await self._entries.update_many(
                {**chosen, "claim": {"$exists": False}}, {"$set": {"due": self._clock.now()}}
            )
        return done.modified_count

    async def drop(self, chosen: Mapping[str, str]) -> int:
        """Delete entries; return how many.

        Args:
            chosen: Values of ``plugin``, ``kind`` and ``key`` that entries have to have.
        """
        async with self._database.operation():
            return (await self._entries.delete_many(dict(chosen))).deleted_count
