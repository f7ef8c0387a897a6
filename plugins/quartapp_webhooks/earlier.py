"""What earlier versions of the plugin kept in an outbox of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo import InsertOne

from quartapp import OutboxEntry, bulk_write

if TYPE_CHECKING:
    from quartapp import Database, Document

EARLIER_OUTBOX = "webhook_outbox"
EARLIER_ENDPOINTS = "webhook_endpoints"
BATCH = 500


async def move_into_outbox(database: Database) -> None:
    """Move the messages that wait or are dead into the outbox of the server.

    Args:
        database: The database with the messages.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    earlier = database.documents[EARLIER_OUTBOX]
    kept = {"state": {"$in": ["waiting", "dead"]}}
    while True:
        async with database.operation():
            found = await earlier.find(kept).sort("order").limit(BATCH).to_list()
            if not found:
                break
            # Stored first, under an id that follows from the message: whoever repeats this after a
            # kill stores none twice.
            moved = [InsertOne(_moved(delivery)) for delivery in found]
            await bulk_write(database.documents["outbox"], moved)
            await earlier.delete_many({"_id": {"$in": [delivery["_id"] for delivery in found]}})
    async with database.operation():
        await earlier.drop()
        await database.documents[EARLIER_ENDPOINTS].drop()


def _moved(delivery: Document) -> Document:
    data = {name: delivery[name] for name in ("message", "type", "body")}
    document = OutboxEntry(delivery["endpoint"], None, data).document(
        "webhooks",
        delivery["due"],
        attempts=delivery["attempts"],
        reason=delivery.get("reason"),
        expires=delivery.get("expires"),
    )
    return {"_id": delivery["order"], **document, "created": delivery["created"]}
