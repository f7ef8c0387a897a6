"""The outbox: what is to be delivered, in MongoDB, for all processes together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import InsertOne, ReturnDocument, UpdateOne

from quartapp import bulk_write
from quartapp_webhooks.models import ENDPOINTS, OUTBOX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document
    from quartapp_webhooks.message import Message


WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
# Longer than events are looked for in the past, so that a delivered one is still known then.
DELIVERED_KEPT = timedelta(days=2)


def delivery_of(message: Message, endpoint_key: str, now: datetime) -> Document:
    """``message`` on its way to one endpoint, to be stored, and due ``now``."""
    return {
        "_id": f"{message.id}:{endpoint_key}",
        "message": message.id,
        "endpoint": endpoint_key,
        "type": message.type,
        "body": message.body,
        "state": WAITING,
        "order": ObjectId(),
        "created": now,
        "due": now,
        "attempts": 0,
    }


class Outbox:
    """Deliveries in the database. Every method raises DatabaseUnavailableError when it is away.

    Args:
        database: Where they are.
        clock: Decides which are due.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._clock = clock
        self._database = database

    @property
    def _deliveries(self) -> AsyncCollection[Document]:
        return self._database.documents[OUTBOX]

    async def add(self, deliveries: list[Document]) -> None:
        """Store deliveries; those that are stored already stay as they are.

        Args:
            deliveries: From :func:`delivery_of`.
        """
        async with self._database.operation():
            await bulk_write(self._deliveries, [InsertOne(delivery) for delivery in deliveries])

    async def unknown(self, ids: Iterable[str]) -> set[str]:
        """Those of ``ids`` that no delivery has."""
        wanted = set(ids)
        async with self._database.operation():
            known = await self._deliveries.find(
                {"_id": {"$in": list(wanted)}}, {"_id": 1}
            ).to_list()
        return wanted - {document["_id"] for document in known}

    async def claim(self, endpoint_key: str, lease_seconds: float) -> Document | None:
        """Take the delivery of an endpoint that has been due the longest; None if none is.

        Nobody else gets it until the lease is over.

        Args:
            endpoint_key: Whose.
            lease_seconds: More than the attempt will take.
        """
        now = self._clock.now()
        lease = {"due": now + timedelta(seconds=lease_seconds), "claim": ObjectId()}
        async with self._database.operation():
            return await self._deliveries.find_one_and_update(
                {"endpoint": endpoint_key, "state": WAITING, "due": {"$lte": now}},
                {"$set": lease},
                sort=[("due", 1), ("order", 1)],
                return_document=ReturnDocument.AFTER,
            )

    async def delivered(self, delivery: Document) -> None:
        """Note that a claimed delivery has arrived. Its body is not kept."""
        changed = {"state": DELIVERED, "expires": self._clock.now() + DELIVERED_KEPT}
        await self._settle(delivery, {"$set": changed, "$unset": {"body": 1, "claim": 1}})

    async def postpone(self, delivery: Document, reason: str, due: datetime) -> None:
        """Note that a claimed delivery failed, and is to be tried again."""
        changed = {"due": due, "reason": reason}
        await self._settle(
            delivery, {"$set": changed, "$unset": {"claim": 1}, "$inc": {"attempts": 1}}
        )

    async def bury(self, delivery: Document, reason: str, kept: timedelta) -> None:
        """Note that a claimed delivery failed for good."""
        changed = {"state": DEAD, "reason": reason, "expires": self._clock.now() + kept}
        await self._settle(
            delivery, {"$set": changed, "$unset": {"claim": 1}, "$inc": {"attempts": 1}}
        )

    async def give_back(self, delivery: Document) -> None:
        """Make a claimed delivery due at once, as if it had not been tried."""
        await self._settle(delivery, {"$set": {"due": self._clock.now()}, "$unset": {"claim": 1}})

    async def _settle(self, delivery: Document, change: Document) -> None:
        # Whoever holds the lease now decides: a claim that ran out has nothing more to say.
        async with self._database.operation():
            await self._deliveries.update_one(
                {"_id": delivery["_id"], "claim": delivery["claim"]}, change
            )

    async def next_due(self, endpoint_key: str) -> datetime | None:
        """When an endpoint's next delivery is due; None when none waits."""
        async with self._database.operation():
            found = await self._deliveries.find_one(
                {"endpoint": endpoint_key, "state": WAITING}, {"due": 1}, sort=[("due", 1)]
            )
        return None if found is None else found["due"]

    async def known_since(self, endpoint_keys: list[str]) -> dict[str, datetime]:
        """Since when each endpoint has been configured; from now on, for a new one."""
        now = self._clock.now()
        endpoints = self._database.documents[ENDPOINTS]
        async with self._database.operation():
            await endpoints.bulk_write(
                [
                    UpdateOne({"_id": key}, {"$setOnInsert": {"since": now}}, upsert=True)
                    for key in endpoint_keys
                ]
            )
            found = await endpoints.find({"_id": {"$in": endpoint_keys}}).to_list()
        return {document["_id"]: document["since"] for document in found}

    async def counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries there are, by endpoint and state."""
        group = {"_id": {"endpoint": "$endpoint", "state": "$state"}, "count": {"$sum": 1}}
        counted: dict[str, dict[str, int]] = {}
        async with self._database.operation():
            cursor = await self._deliveries.aggregate([{"$group": group}])
            async for row in cursor:
                key = row["_id"]
                counted.setdefault(key["endpoint"], {})[key["state"]] = row["count"]
        return counted

    async def last_reason(self, endpoint_key: str) -> str | None:
        """Why an endpoint's newest unsettled or dead delivery failed; None when none did."""
        query = {
            "endpoint": endpoint_key,
            "state": {"$in": [WAITING, DEAD]},
            "reason": {"$ne": None},
        }
        async with self._database.operation():
            found = await self._deliveries.find_one(query, {"reason": 1}, sort=[("order", -1)])
        return None if found is None else found["reason"]

    async def retry_dead(self, endpoint_keys: list[str]) -> int:
        """Make the dead deliveries of these endpoints wait again, with all their tries.

        Returns:
            How many.
        """
        async with self._database.operation():
            changed = await self._deliveries.update_many(
                {"endpoint": {"$in": endpoint_keys}, "state": DEAD},
                {
                    "$set": {"state": WAITING, "due": self._clock.now(), "attempts": 0},
                    "$unset": {"expires": 1},
                },
            )
        return changed.modified_count

    async def forget_others(self, endpoint_keys: list[str]) -> int:
        """Delete what is kept for any endpoint but these.

        Returns:
            How many deliveries.
        """
        async with self._database.operation():
            gone = await self._deliveries.delete_many({"endpoint": {"$nin": endpoint_keys}})
            await self._database.documents[ENDPOINTS].delete_many({"_id": {"$nin": endpoint_keys}})
        return gone.deleted_count
