"""The outbox: the pending deliveries in MongoDB, shared by all processes."""

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
# Longer than the time for which past events are searched, so that a delivered one is still known.
DELIVERED_KEPT = timedelta(days=2)


def delivery_of(message: Message, endpoint_key: str, now: datetime) -> Document:
    """Return the document of a message's delivery to one endpoint.

    Args:
        message: The message.
        endpoint_key: Key of the endpoint.
        now: Present time, at which the delivery is due.
    """
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
    """The deliveries in the database. Every method raises DatabaseUnavailableError when it is away.

    Args:
        database: The database that has the deliveries.
        clock: Clock that decides which deliveries are due.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._clock = clock
        self._database = database

    @property
    def _deliveries(self) -> AsyncCollection[Document]:
        return self._database.documents[OUTBOX]

    async def add(self, deliveries: list[Document]) -> None:
        """Store deliveries; existing ones stay as they are.

        Args:
            deliveries: Documents from :func:`delivery_of`.
        """
        async with self._database.operation():
            await bulk_write(self._deliveries, [InsertOne(delivery) for delivery in deliveries])

    async def unknown(self, ids: Iterable[str]) -> set[str]:
        """Return the message ids that no delivery has.

        Args:
            ids: Message ids to look for.
        """
        wanted = set(ids)
        async with self._database.operation():
            known = await self._deliveries.find(
                {"_id": {"$in": list(wanted)}}, {"_id": 1}
            ).to_list()
        return wanted - {document["_id"] for document in known}

    async def claim(self, endpoint_key: str, lease_seconds: float) -> Document | None:
        """Claim the delivery that has been due for the longest time; None when none is due.

        No other process gets the delivery until the lease is over.

        Args:
            endpoint_key: Key of the endpoint.
            lease_seconds: Duration of the lease, in seconds: longer than an attempt takes.
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
        """Note that a claimed delivery has arrived, and drop its body."""
        changed = {"state": DELIVERED, "expires": self._clock.now() + DELIVERED_KEPT}
        await self._settle(delivery, {"$set": changed, "$unset": {"body": 1, "claim": 1}})

    async def postpone(self, delivery: Document, reason: str, due: datetime) -> None:
        """Note that a claimed delivery failed, and when to try again.

        Args:
            delivery: The delivery.
            reason: Reason of the failure.
            due: Time of the next attempt.
        """
        changed = {"due": due, "reason": reason}
        await self._settle(
            delivery, {"$set": changed, "$unset": {"claim": 1}, "$inc": {"attempts": 1}}
        )

    async def bury(self, delivery: Document, reason: str, kept: timedelta) -> None:
        """Note that a claimed delivery failed for good.

        Args:
            delivery: The delivery.
            reason: Reason of the failure.
            kept: Time for which the dead delivery is kept.
        """
        changed = {"state": DEAD, "reason": reason, "expires": self._clock.now() + kept}
        await self._settle(
            delivery, {"$set": changed, "$unset": {"claim": 1}, "$inc": {"attempts": 1}}
        )

    async def give_back(self, delivery: Document) -> None:
        """Make a claimed delivery due at once, as if it had not been tried."""
        await self._settle(delivery, {"$set": {"due": self._clock.now()}, "$unset": {"claim": 1}})

    async def _settle(self, delivery: Document, change: Document) -> None:
        # The holder of the present lease decides: after its lease has ended, a claim changes
        # nothing.
        async with self._database.operation():
            await self._deliveries.update_one(
                {"_id": delivery["_id"], "claim": delivery["claim"]}, change
            )

    async def next_due(self, endpoint_key: str) -> datetime | None:
        """Return the time at which the endpoint's next delivery is due; None when none waits."""
        async with self._database.operation():
            found = await self._deliveries.find_one(
                {"endpoint": endpoint_key, "state": WAITING}, {"due": 1}, sort=[("due", 1)]
            )
        return None if found is None else found["due"]

    async def known_since(self, endpoint_keys: list[str]) -> dict[str, datetime]:
        """Return since when each endpoint has been configured; new endpoints count from now on."""
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
        """Return the number of deliveries, by endpoint and state."""
        group = {"_id": {"endpoint": "$endpoint", "state": "$state"}, "count": {"$sum": 1}}
        counted: dict[str, dict[str, int]] = {}
        async with self._database.operation():
            cursor = await self._deliveries.aggregate([{"$group": group}])
            async for row in cursor:
                key = row["_id"]
                counted.setdefault(key["endpoint"], {})[key["state"]] = row["count"]
        return counted

    async def last_reason(self, endpoint_key: str) -> str | None:
        """Return why the newest pending or dead delivery failed; None when none failed."""
        query = {
            "endpoint": endpoint_key,
            "state": {"$in": [WAITING, DEAD]},
            "reason": {"$ne": None},
        }
        async with self._database.operation():
            found = await self._deliveries.find_one(query, {"reason": 1}, sort=[("order", -1)])
        return None if found is None else found["reason"]

    async def retry_dead(self, endpoint_keys: list[str]) -> int:
        """Make the dead deliveries of endpoints wait again, with all attempts.

        Args:
            endpoint_keys: Keys of the endpoints.

        Returns:
            Number of deliveries.
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
        """Delete the deliveries of all endpoints but the given ones.

        Args:
            endpoint_keys: Keys of the endpoints to keep.

        Returns:
            Number of deleted deliveries.
        """
        async with self._database.operation():
            gone = await self._deliveries.delete_many({"endpoint": {"$nin": endpoint_keys}})
            await self._database.documents[ENDPOINTS].delete_many({"_id": {"$nin": endpoint_keys}})
        return gone.deleted_count
