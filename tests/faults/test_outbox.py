"""Servers that are killed between a change and its delivery: none is forgotten, order is kept.

A server changes things, each with an entry for the outbox, and delivers the entries, until it is
killed and another one goes on.
"""

from __future__ import annotations

import random

import pytest

from quartapp.testing import SECRET

KILLS = 200
SMOKE_KILLS = 10
KEYS = 5
# Changes between two kills, at most; the moment of a kill is anywhere in between.
MOST_CHANGES = 40

MODULE = f"""
from bson import ObjectId, Timestamp
from quartapp import OutboxEntry, core, hookimpl

class Plugin:
    @hookimpl
    def register_services(self, app):
        parts = core(app)
        self.database = parts.database

        async def change_things():
            for key in map(str, range({KEYS})):
                thing = ObjectId()

                async def change():
                    document = {{"_id": thing, "key": key, "order": Timestamp(0, 0)}}
                    return await parts.database.documents["things"].insert_one(document)

                await parts.plugins.changes.stored([(thing, key)], change)

        parts.tasks.every(0.01, change_things)

    @hookimpl
    def outbox_entries(self, event):
        if isinstance(event, tuple):
            return [OutboxEntry("receiver", event[1], {{"thing": event[0]}})]

    @hookimpl
    async def deliver(self, kind, key, data):
        receipt = {{"key": key, "thing": data["thing"], "order": Timestamp(0, 0)}}
        await self.database.documents["receipts"].insert_one(receipt)
"""


@pytest.mark.parametrize("kills", [pytest.param(SMOKE_KILLS, marks=pytest.mark.smoke), KILLS])
async def test_every_change_is_delivered_in_order_whenever_servers_are_killed(
    serve_process, serve, mongodb_uri, installed, eventually, tmp_path, kills
):
    environment = {
        "PYTHONPATH": installed("changing", MODULE),
        "QUARTAPP_PLUGINS": "changing",
        "MONGODB_URI": mongodb_uri,
        "JWT_SECRET": SECRET,
    }
    documents = (await serve([])).documents
    waiting_at_kills = 0
    for _ in range(kills):
        process = await serve_process(**environment)
        wanted = await documents["things"].count_documents({}) + random.randint(1, MOST_CHANGES)  # noqa: S311

        async def changed(wanted=wanted):
            return await documents["things"].count_documents({}) >= wanted

        await eventually(changed)
        await process.kill()
        waiting_at_kills += await documents["outbox"].count_documents({})
    # The last server delivers what is left, and changes nothing further.
    quiet = MODULE.replace("parts.tasks.every", "(lambda *_: None)")
    (tmp_path / "installed" / "changing.py").write_text(quiet)
    await serve_process(**environment)

    async def nothing_waits():
        return await documents["outbox"].count_documents({}) == 0

    await eventually(nothing_waits)
    things = await documents["things"].find().sort("order").to_list()
    receipts = await documents["receipts"].find().sort("order").to_list()
    repeated = len(receipts) - len(things)
    print(
        f"\n{kills} kills, {len(things)} changes, {waiting_at_kills} entries waiting at kills, "
        f"{repeated} delivered again"
    )
    assert waiting_at_kills > 0
    for key in map(str, range(KEYS)):
        first = dict.fromkeys(one["thing"] for one in receipts if one["key"] == key)
        assert list(first) == [one["_id"] for one in things if one["key"] == key]
