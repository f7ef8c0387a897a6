"""Entries of the outbox while the clock is set back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from quartapp import NotDeliveredError, OutboxEntry, core
from quartapp.hooks.specs import hookimpl
from quartapp.testing import TurnedClock

HOUR = 3600.0
PAUSE_SECONDS = 300.0


@dataclass(frozen=True)
class Happened:
    key: str | None


class Sending:
    """A plugin whose receiver is down, and asks for a pause, until the test lets it answer."""

    name = "sending"

    def __init__(self):
        self.is_down = True
        self.delivered = []

    @hookimpl
    def outbox_entries(self, event):
        return [OutboxEntry("mail", event.key, {})] if isinstance(event, Happened) else None

    @hookimpl
    async def deliver(self, key):
        if self.is_down:
            raise NotDeliveredError("down", again_in=PAUSE_SECONDS)
        self.delivered.append(key)


async def happen(server, key):
    parts = core(server.app)

    async def change():
        return await parts.database.documents["things"].insert_one({})

    await parts.plugins.changes.stored([Happened(key)], change)


def postponed(server):
    async def found():
        return await server.documents["outbox"].find_one({"attempts": 1, "claim": None})

    return found


def delivered(plugin, clock):
    async def found():
        # Looks of the outbox alone, which pass much less than the pause.
        await clock.advance(0.01)
        return plugin.delivered

    return found


@pytest.mark.parametrize("key", ["1", None])
async def test_entry_waits_for_its_pause_at_most_when_the_clock_is_set_back(serve, eventually, key):
    clock, plugin = TurnedClock(), Sending()
    server = await serve([plugin], clock=clock)
    await happen(server, key)
    await eventually(postponed(server))
    plugin.is_down = False
    clock._began -= HOUR
    await clock.advance(1)
    assert await eventually(delivered(plugin, clock)) == [key]


@pytest.mark.parametrize("key", ["1", None])
async def test_entry_waits_for_its_pause_at_most_when_the_clock_was_set_back_before_the_start(
    serve, eventually, key
):
    now = datetime.now(UTC)
    former = await serve([Sending()], clock=TurnedClock(now + timedelta(hours=1)))
    await happen(former, key)
    await eventually(postponed(former))
    clock, plugin = TurnedClock(now), Sending()
    plugin.is_down = False
    await serve([plugin], clock=clock)
    assert await eventually(delivered(plugin, clock)) == [key]


async def test_entry_of_a_killed_process_is_taken_over_after_the_clock_was_set_back(
    serve, eventually
):
    now = datetime.now(UTC)
    clock, plugin = TurnedClock(now), Sending()
    plugin.is_down = False
    server = await serve(clock=TurnedClock(now))
    entry = OutboxEntry("mail", "1", {}).document("sending", now + timedelta(hours=1))
    await server.documents["outbox"].insert_one({**entry, "claim": ObjectId()})
    await serve([plugin], clock=clock)

    async def taken_over():
        await clock.advance(1)
        return plugin.delivered

    assert await eventually(taken_over) == ["1"]
