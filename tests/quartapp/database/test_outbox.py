"""The outbox: stored with the change, delivered in order, retried, looked after."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import pytest

from quartapp import OutboxEntry, PluginError, core, create_app, load_settings
from quartapp.database.outbox import PAUSES, POLL_SECONDS
from quartapp.database.outbox_slots import SLOTS_PER_KIND
from quartapp.hooks.specs import hookimpl
from quartapp.server.listening import ServerError
from quartapp.testing import SECRET, running


@dataclass(frozen=True)
class Happened:
    kind: str
    key: str
    number: int


class Sending:
    """A plugin that delivers an entry for each event; receivers may be down."""

    name = "sending"

    def __init__(self):
        self.delivered = defaultdict(list)
        self.tries = 0
        self.down = set()
        self.hanging = set()
        self.under_way = 0
        self.most_under_way = 0

    @hookimpl
    def outbox_entries(self, event):
        if isinstance(event, Happened):
            return [OutboxEntry(event.kind, event.key, {"number": event.number})]
        return None

    @hookimpl
    async def deliver(self, kind, key, data):
        self.tries += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if kind in self.hanging:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            if kind in self.down:
                raise ConnectionError("no route to host")
            self.delivered[kind, key].append(data["number"])
        finally:
            self.under_way -= 1


async def happen(server, kind, key, number, *, changes_something=True):
    parts = core(server.app)

    async def change():
        await parts.database.documents["things"].insert_one({"number": number})
        return True if changes_something else None

    return await parts.plugins.changes.stored([Happened(kind, key, number)], change)


def empty(server):
    async def none_waits():
        return await server.documents["outbox"].count_documents({}) == 0

    return none_waits


async def test_entries_of_a_key_are_delivered_in_order_and_then_deleted(serve, eventually):
    plugin = Sending()
    server = await serve([plugin])
    for number in range(30):
        await happen(server, "mail", f"key{number % 3}", number)
    await eventually(empty(server))
    assert {key: plugin.delivered["mail", f"key{key}"] for key in range(3)} == {
        key: list(range(key, 30, 3)) for key in range(3)
    }
    assert plugin.tries == 30


async def test_entries_of_several_servers_have_the_order_of_their_changes(serve, eventually):
    silent = [Sending(), Sending()]
    for plugin in silent:
        plugin.down.add("mail")
    servers = [await serve([plugin]) for plugin in silent]
    documents = servers[0].documents
    await documents["counter"].insert_one({"_id": 1, "number": 0})

    async def count(server):
        # One document, changed on both servers: the conflicts decide the order.
        parts = core(server.app)
        async with parts.database.operation():
            seen = await parts.database.documents["counter"].find_one({"_id": 1})

        async def change():
            return await parts.database.documents["counter"].find_one_and_update(
                {"_id": 1, "number": seen["number"]}, {"$inc": {"number": 1}}
            )

        return await parts.plugins.changes.stored([Happened("mail", "1", seen["number"])], change)

    async def count_to(server, numbers):
        while (await documents["counter"].find_one({"_id": 1}))["number"] < numbers:
            await count(server)

    await asyncio.gather(*(count_to(server, 40) for server in servers))
    stored = await documents["outbox"].find().sort("order").to_list()
    told = [entry["data"]["number"] for entry in stored]
    assert told == list(range(len(told)))
    assert len(told) >= 40


async def test_a_change_that_fails_or_changes_nothing_has_no_entry(serve, eventually):
    plugin = Sending()
    server = await serve([plugin])
    assert await happen(server, "mail", "1", 1, changes_something=False) is None

    async def fail():
        await core(server.app).database.documents["things"].insert_one({"number": 2})
        raise ValueError("not so")

    with pytest.raises(ValueError, match="not so"):
        await core(server.app).plugins.changes.stored([Happened("mail", "1", 2)], fail)
    await happen(server, "mail", "1", 3)
    await eventually(empty(server))
    assert plugin.delivered["mail", "1"] == [3]
    things = await server.documents["things"].find({"number": 2}).to_list()
    assert things == []


async def test_unreachable_receiver_delays_only_its_own_messages(serve, turned_clock, eventually):
    plugin = Sending()
    plugin.down.add("gradebook")
    server = await serve([plugin], clock=turned_clock)
    for number in range(5):
        await happen(server, "gradebook", "1", number)
        await happen(server, "mail", "1", number)

    async def tried_seven_times():
        await turned_clock.advance(POLL_SECONDS)
        found = await server.documents["outbox"].find_one({}, sort=[("order", 1)])
        return found["attempts"] >= 7

    await eventually(tried_seven_times)
    await turned_clock.advance(3600)
    assert plugin.delivered == {("mail", "1"): [0, 1, 2, 3, 4]}
    waiting = await server.documents["outbox"].find().sort("order").to_list()
    assert [entry["data"]["number"] for entry in waiting] == [0, 1, 2, 3, 4]
    assert [entry["attempts"] for entry in waiting[1:]] == [0, 0, 0, 0]
    plugin.down.clear()

    async def over():
        await turned_clock.advance(PAUSES.longest)
        return await empty(server)()

    await eventually(over)
    assert plugin.delivered["gradebook", "1"] == [0, 1, 2, 3, 4]


async def test_hanging_kind_delays_no_other_kind_and_uses_few_slots(serve, eventually):
    plugin = Sending()
    plugin.hanging.add("gradebook")
    server = await serve([plugin])
    for number in range(SLOTS_PER_KIND + 4):
        await happen(server, "gradebook", f"key{number}", number)
    for number in range(20):
        await happen(server, "mail", f"key{number}", number)

    async def mail_is_delivered():
        return sum(map(len, plugin.delivered.values())) == 20

    await eventually(mail_is_delivered)
    assert plugin.under_way == SLOTS_PER_KIND


async def test_two_servers_deliver_each_entry_once(serve, eventually):
    plugins = [Sending(), Sending()]
    servers = [await serve([plugin]) for plugin in plugins]
    for number in range(100):
        await happen(servers[number % 2], "mail", f"key{number % 10}", number)
    await eventually(empty(servers[0]))
    for key in (f"key{n}" for n in range(10)):
        both = [plugin.delivered["mail", key] for plugin in plugins]
        assert sorted(both[0] + both[1]) == [n for n in range(100) if n % 10 == int(key[3:])]
        assert all(part == sorted(part) for part in both)


async def test_stop_gives_back_running_deliveries(mongodb_uri, serve, eventually):
    hanging = Sending()
    hanging.hanging.add("mail")
    settings = load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET)
    async with running(create_app(settings, [hanging])) as server:
        await happen(server, "mail", "1", 1)

        async def under_way():
            return hanging.under_way

        await eventually(under_way)
    plugin = Sending()
    server = await serve([plugin])
    await eventually(empty(server))
    assert plugin.delivered["mail", "1"] == [1]


async def test_ten_thousand_entries_wait_in_the_database_and_not_in_memory(serve, eventually):
    plugin = Sending()
    plugin.hanging.add("mail")
    server = await serve([plugin])
    outbox = core(server.app).outbox

    async def store():
        entries = [("sending", OutboxEntry("mail", f"key{n}", {"number": n})) for n in range(1000)]
        await outbox.store.add(entries)
        return True

    for _ in range(10):
        await core(server.app).database.transaction(store)
    outbox.look()

    async def full():
        return plugin.under_way == SLOTS_PER_KIND

    await eventually(full)
    text = (await server.api.get(f"{server.url}/metrics")).text

    async def shown():
        text = (await server.api.get(f"{server.url}/metrics")).text
        return "quartapp_outbox_waiting 10000.0" in text

    await eventually(shown)
    assert "quartapp_outbox_oldest_seconds" in text
    assert len(outbox._lanes) == SLOTS_PER_KIND


async def test_the_command_lists_retries_and_drops(
    serve, run_cli, mongodb_uri, turned_clock, eventually
):
    plugin = Sending()
    plugin.down |= {"gradebook", "mail"}
    server = await serve([plugin], clock=turned_clock)
    for number in range(3):
        await happen(server, "gradebook", "7", number)
    await happen(server, "mail", "x", 1)

    async def both_failed():
        return await server.documents["outbox"].count_documents({"reason": {"$exists": True}}) == 2

    await eventually(both_failed)
    environment = {"MONGODB_URI": mongodb_uri}
    _, shown, _ = await run_cli("outbox", "list", **environment)
    problem = "    last problem: plugin sending (given): deliver failed: ConnectionError: no route"
    lines = shown.splitlines()
    assert lines[0] == "sending gradebook 7: 3, tried 1 times"
    assert lines[1].startswith(problem)
    assert lines[2] == "sending mail x: 1, tried 1 times"
    assert lines[4] == "4 entries wait."
    status, _, said = await run_cli("outbox", "drop", **environment)
    assert (status, "name what to drop" in said) == (2, True)
    _, shown, _ = await run_cli("outbox", "drop", "--kind", "mail", **environment)
    assert shown == "1 entries are deleted.\n"
    plugin.down.clear()

    async def over():
        # The outbox may begin a pause only after the clock was turned.
        await turned_clock.advance(60)
        return await empty(server)()

    await eventually(over)
    assert plugin.delivered == {("gradebook", "7"): [0, 1, 2]}


async def test_retry_makes_waiting_entries_due_at_once(
    serve, run_cli, mongodb_uri, turned_clock, eventually
):
    plugin = Sending()
    plugin.down.add("mail")
    server = await serve([plugin], clock=turned_clock)
    await happen(server, "mail", "x", 1)
    hour = {"$set": {"due": turned_clock.now().replace(year=2199)}}

    async def failed():
        return await server.documents["outbox"].find_one({"reason": {"$exists": True}})

    await eventually(failed)
    await server.documents["outbox"].update_many({}, hour)
    plugin.down.clear()
    _, shown, _ = await run_cli("outbox", "retry", MONGODB_URI=mongodb_uri)
    assert shown == "1 entries are tried now.\n"

    async def gone():
        await turned_clock.advance(60)
        return await empty(server)()

    await eventually(gone)
    assert plugin.delivered["mail", "x"] == [1]


async def test_standalone_mongodb_is_refused_with_one_sentence(serve, own_mongod):
    mongod = own_mongod()
    said = "^the plugins sending deliver from an outbox, which needs transactions, and the MongoDB"
    with pytest.raises(ServerError, match=said):
        await serve([Sending()], mongodb_uri=mongod.uri)


async def test_plugin_with_entries_but_without_deliver_is_refused_at_build(serve):
    class Silent:
        name = "silent"

        @hookimpl
        def outbox_entries(self, event):
            return None

    with pytest.raises(PluginError, match="nobody would deliver its entries"):
        await serve([Silent])
