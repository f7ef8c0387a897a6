"""The outbox: entries that overtake, are given up, or have to share slots."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from quartapp import NotDeliveredError, OutboxEntry, PluginError, core
from quartapp.database.outbox import POLL_SECONDS
from quartapp.database.outbox_store import LEASE_SECONDS
from quartapp.hooks.specs import hookimpl


@dataclass(frozen=True)
class Sent:
    kind: str
    key: str | None
    number: int


class Post:
    """A plugin that fails as its test says, and notes what it delivers."""

    name = "post"

    def __init__(self, limits=None, at_once=None):
        self._limits, self._at_once = limits, at_once
        self.failures = {}
        self.tries = []
        self.delivered = []
        self.holding = {}
        self.under_way = []

    @hookimpl
    def register_services(self, app):
        if self._limits is not None:
            core(app).outbox.limit(self._limits, at_once=self._at_once)

    @hookimpl
    def outbox_entries(self, event):
        if isinstance(event, Sent):
            return [OutboxEntry(event.kind, event.key, {"number": event.number})]
        return None

    @hookimpl
    async def deliver(self, kind, key, data, attempts):
        number = data["number"]
        self.tries.append((number, attempts))
        if kind in self.holding:
            self.under_way.append(number)
            await self.holding[kind].acquire()
            self.under_way.remove(number)
        if number in self.failures:
            raise self.failures[number]
        self.delivered.append(number)


async def send(server, kind, key, numbers):
    changes = core(server.app).plugins.changes
    for number in numbers:

        async def change(number=number):
            things = core(server.app).database.documents["things"]
            return await things.insert_one({"number": number})

        await changes.stored([Sent(kind, key, number)], change)


def has_delivered(plugin, *numbers):
    async def question():
        return plugin.delivered == list(numbers)

    return question


def waits(server, **query):
    async def question():
        return await server.documents["outbox"].find_one(query)

    return question


async def test_an_entry_without_a_key_that_fails_is_overtaken(serve, turned_clock, eventually):
    # One at a time: entries without a key that are delivered together have no order.
    plugin = Post({"mail": 1})
    plugin.failures[1] = ConnectionError("busy")
    server = await serve([plugin], clock=turned_clock)
    await send(server, "mail", None, range(5))
    await eventually(has_delivered(plugin, 0, 2, 3, 4))
    failed = await eventually(waits(server, attempts=1))
    assert failed["data"] == {"number": 1}
    plugin.failures.clear()

    async def is_due_and_delivered():
        # The outbox may begin its pause only after the clock was turned.
        await turned_clock.advance(1)
        return plugin.delivered == [0, 2, 3, 4, 1]

    await eventually(is_due_and_delivered)
    assert plugin.tries[-1] == (1, 1)


async def test_a_plugin_chooses_when_the_next_try_is_due(serve, turned_clock, eventually):
    plugin = Post()
    plugin.failures[0] = NotDeliveredError("come back later", again_in=7200)
    server = await serve([plugin], clock=turned_clock)
    await send(server, "mail", "1", [0])
    entry = await eventually(waits(server, attempts=1))
    assert entry["reason"] == "come back later"
    assert (entry["due"] - turned_clock.now()).total_seconds() == 7200


async def test_dead_entry_is_kept_and_does_not_delay_the_next_entry(
    serve, turned_clock, eventually, run_cli, mongodb_uri
):
    plugin = Post()
    plugin.failures[0] = NotDeliveredError("no such room", again_in=None, kept_days=3)
    plugin.failures[1] = NotDeliveredError("$odd", again_in=None)
    server = await serve([plugin], clock=turned_clock)
    await send(server, "door", "1", [0, 2])
    await send(server, "mail", None, [1])
    dead = await eventually(waits(server, **{"data.number": 0, "expires": {"$exists": True}}))
    assert (dead["expires"] - turned_clock.now()).total_seconds() == 3 * 86400
    await eventually(waits(server, **{"data.number": 1, "reason": "$odd"}))
    await eventually(has_delivered(plugin, 2))

    async def both_are_shown():
        await turned_clock.advance(POLL_SECONDS)  # after which the entries are counted again
        text = (await server.api.get(f"{server.url}/metrics")).text
        return "quartapp_outbox_dead 2.0" in text and "quartapp_outbox_waiting 0.0" in text

    await eventually(both_are_shown)
    _, shown, _ = await run_cli("outbox", "list", MONGODB_URI=mongodb_uri)
    assert shown.splitlines() == [
        "post door 1: 0, tried 1 times, 1 dead",
        "    last problem: no such room",
        "post mail: 0, tried 1 times, 1 dead",
        "    last problem: $odd",
        "0 entries wait.",
        "2 entries are dead: only `quartapp outbox retry` tries them again.",
    ]
    plugin.failures.clear()
    plugin.tries.clear()
    # The command has the time of the world, which has gone on.
    await turned_clock.advance(3600)
    _, shown, _ = await run_cli("outbox", "retry", MONGODB_URI=mongodb_uri)
    assert shown == "2 entries are tried now.\n"

    async def all_delivered():
        core(server.app).outbox.look()
        return sorted(plugin.delivered) == [0, 1, 2]

    await eventually(all_delivered)
    assert sorted(plugin.tries) == [(0, 0), (1, 0)]

    async def nothing_is_left():
        return await server.documents["outbox"].count_documents({}) == 0

    await eventually(nothing_is_left)


async def test_a_process_that_stood_still_does_not_deliver_again_what_it_delivers_now(
    serve, turned_clock, eventually
):
    plugin = Post({"mail": 3})
    plugin.holding = {"mail": asyncio.Semaphore(0)}
    server = await serve([plugin], clock=turned_clock)
    await send(server, "mail", None, [0])

    async def first_is_under_way():
        return plugin.under_way == [0]

    await eventually(first_is_under_way)
    # Far beyond the lease, with no time to renew it, and not beyond the limit of a delivery.
    await turned_clock.advance(3 * LEASE_SECONDS)
    await send(server, "mail", None, [1])

    async def second_is_under_way():
        core(server.app).outbox.look()
        return 1 in plugin.under_way

    await eventually(second_is_under_way)
    assert plugin.under_way == [0, 1]
    plugin.holding["mail"].release()
    plugin.holding["mail"].release()
    await eventually(has_delivered(plugin, 0, 1))


async def test_a_plugin_limits_its_deliveries_by_kind_and_together(serve, eventually):
    plugin = Post({"a": 2, "b": 1, "c": 1}, at_once=3)
    plugin.holding = {kind: asyncio.Semaphore(0) for kind in "abc"}
    server = await serve([plugin])
    await send(server, "a", None, range(10))
    await send(server, "b", "1", range(20, 22))
    await send(server, "b", "2", range(22, 24))
    await send(server, "unknown", None, [99])

    async def full():
        return len(plugin.under_way) == 3

    await eventually(full)
    assert sorted(plugin.under_way) == [0, 1, 20]
    # The next free slot goes to a kind that had none yet, however old the others' entries are.
    await send(server, "c", None, [30])
    plugin.holding["a"].release()

    async def has_its_turn():
        return 30 in plugin.under_way

    await eventually(has_its_turn)
    assert len(plugin.under_way) == 3
    for semaphore in plugin.holding.values():
        for _ in range(20):
            semaphore.release()

    async def only_the_unknown_waits():
        left = await server.documents["outbox"].find().to_list()
        return [(entry["kind"], entry["attempts"]) for entry in left] == [("unknown", 0)]

    await eventually(only_the_unknown_waits)
    assert sorted(plugin.delivered) == [*range(10), *range(20, 24), 30]


async def test_limits_can_be_set_only_at_build(serve):
    server = await serve([Post])
    with pytest.raises(PluginError, match="register_services alone"):
        core(server.app).outbox.limit({"mail": 1})


async def test_each_event_has_its_entries_once_with_and_without_a_stored_change(serve, eventually):
    plugin = Post()
    server = await serve([plugin])
    plugins = core(server.app).plugins
    await plugins.on_event(Sent("mail", "1", 1))
    await eventually(has_delivered(plugin, 1))
    # From here on, events of this class are stored with their changes.
    await send(server, "mail", "1", [2])
    await plugins.on_event(Sent("mail", "1", 2))
    await plugins.all_told()
    await send(server, "mail", "1", [3])
    await eventually(has_delivered(plugin, 1, 2, 3))
