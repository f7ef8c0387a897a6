"""The chain: what is stored, how entries are linked, and who appends at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from datetime import UTC, datetime

import pytest

from quartapp import DatabaseUnavailableError, core
from quartapp.audit.keeper import LOOK_SECONDS
from quartapp.testing import TurnedClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 24 * 3600


def audit_of(server):
    return core(server.app).audit


async def test_entry_is_stored_before_the_call_returns(serve, library, lent, entries):
    server = await serve([library], clock=TurnedClock(NOON))
    await audit_of(server).add(lent("ada", "by-id", days=14))
    (entry,) = await entries(server, action="library.lent")
    about, after = {"reader": "ada"}, {"days": 14}
    assert (entry["who"], entry["about"], entry["after"]) == ("by-id", about, after)
    assert (entry["day"], entry["at"]) == ("2026-03-01", "2026-03-01T12:00:00.000Z")
    assert (entry["way"], entry["address"], entry["network"]) == ("server", None, None)


async def test_hash_covers_the_canonical_json_of_the_entry(serve, library, lent, entries):
    server = await serve([library])
    await audit_of(server).add(lent("ä \U0001f600", state='"\\\n\x7f'))
    for entry in await entries(server):
        chained = {k: v for k, v in entry.items() if k not in {"hash", "salt", "address"}}
        text = json.dumps(chained, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert entry["hash"] == hashlib.sha256(text.encode()).hexdigest()


async def test_entries_of_two_servers_at_once_form_one_chain(serve, library, lent, verified):
    servers = [await serve([library]) for _ in range(2)]
    before = (await verified(servers[0])).entries
    await asyncio.gather(
        *(
            audit_of(server).add(lent(f"reader {number}"))
            for number in range(150)
            for server in servers
        )
    )
    found = await verified(servers[0])
    assert (found.entries - before, found.fault) == (300, None)


async def test_entries_at_once_are_one_write(serve, library, lent, entries):
    server = await serve([library])
    await audit_of(server).add(lent("first"))
    await server.documents.command("profile", 2)
    await asyncio.gather(*(audit_of(server).add(lent(str(number))) for number in range(200)))
    await server.documents.command("profile", 0)
    assert len(await entries(server, action="library.lent")) == 201
    inserts = await server.documents["system.profile"].count_documents({"op": "insert"})
    # If the first is written alone, the others wait for it together.
    assert 1 <= inserts <= 2


async def test_days_are_linked_and_begin_with_number_1(serve, library, lent, entries, verified):
    clock = TurnedClock(NOON)
    server = await serve([library], clock=clock)
    for _ in range(3):
        await audit_of(server).add(lent(), lent())
        await clock.advance(DAY)
    found = await entries(server, action="library.lent")
    assert [e["day"][-2:] for e in found] == ["01", "01", "02", "02", "03", "03"]
    assert [e["number"] for e in found[2:]] == [1, 2, 1, 2]
    assert found[2]["previous"] == found[1]["hash"]
    assert (await verified(server)).fault is None


async def test_chain_stays_in_order_when_the_clock_was_set_back(serve, library, lent, entries):
    late = await serve([library], clock=TurnedClock(NOON))
    await audit_of(late).add(lent("late"))
    early = await serve([library], clock=TurnedClock(NOON.replace(month=1)))
    await audit_of(early).add(lent("early"))
    found = await entries(late, action="library.lent")
    assert [e["about"]["reader"] for e in found] == ["late", "early"]
    assert {e["day"] for e in found} == {"2026-03-01"}


async def test_undeclared_action_is_refused(serve, lent):
    server = await serve([])
    with pytest.raises(ValueError, match=r"no plugin declares the action library\.lent"):
        await audit_of(server).add(lent())


async def test_change_and_entry_are_stored_together_or_not_at_all(
    serve, library, lent, entries, verified
):
    server = await serve([library])
    parts = core(server.app)
    things = parts.database.documents["things"]

    async def change():
        await parts.database.documents["things"].insert_one({"_id": 1})
        return "made"

    async def fail():
        await change()
        raise LookupError

    async def nothing():
        return None

    audited = [lent("ada")]
    with pytest.raises(LookupError):
        await parts.plugins.changes.stored([], fail, audited=audited)
    assert await things.count_documents({}) == 0
    assert await parts.plugins.changes.stored([], nothing, audited=audited) is None
    assert await entries(server, action="library.lent") == []
    assert await parts.plugins.changes.stored([], change, audited=audited) == "made"
    assert len(await entries(server, action="library.lent")) == 1
    assert (await verified(server)).fault is None
    assert await server.documents["audit_pending"].count_documents({}) == 0


async def test_entry_of_a_change_may_depend_on_its_result(serve, library, lent, entries):
    server = await serve([library])
    changes = core(server.app).plugins.changes

    async def change():
        return 14

    await changes.stored([], change, audited=lambda days: [lent(days=days)])
    (entry,) = await entries(server, action="library.lent")
    assert entry["after"] == {"days": 14}


async def test_entry_is_linked_after_its_process_died_before_it_could(
    serve, library, lent, entries, verified, eventually, turning
):
    clock = TurnedClock()
    server = await serve([library], clock=clock)
    parts = core(server.app)
    rows = parts.audit.rows([lent("ada"), lent("bob")])
    # What a process has stored that dies right after the transaction of a change.
    await parts.database.transaction(lambda: parts.audit.hold(rows))

    async def are_linked():
        return len(await entries(server, action="library.lent")) == 2

    async with turning(clock, LOOK_SECONDS):
        await eventually(are_linked)
    # The keeper and the process itself may both link a row.
    await parts.audit.link(rows)
    assert len(await entries(server, action="library.lent")) == 2
    assert (await verified(server)).fault is None


async def test_entry_that_cannot_be_stored_is_an_error(serve, library, lent, own_mongod):
    mongod = own_mongod("--replSet", "test")
    server = await serve([library], mongodb_uri=mongod.uri, database_timeout=5)
    await audit_of(server).add(lent())
    mongod.send(signal.SIGKILL)
    with pytest.raises(DatabaseUnavailableError):
        await audit_of(server).add(lent())


async def test_chain_goes_on_after_a_restart(serve, library, lent, verified):
    server = await serve([library])
    await audit_of(server).add(lent())
    before = await verified(server)
    second = await serve([library])
    await audit_of(second).add(lent())
    after = await verified(second)
    assert after.fault is None
    assert after.entries > before.entries + 1
