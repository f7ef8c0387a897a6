"""The verification finds whatever is done to the stored entries, and follows what may be done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quartapp import core
from quartapp.audit.form import ADDRESS_DAYS, BEGINNING, LINKED, OUTSIDE, Position, linked, row
from quartapp.audit.keeper import Keeper
from quartapp.audit.models import AuditDocument
from quartapp.testing import TurnedClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 24 * 3600
MEMBERS = (*LINKED, *OUTSIDE, "hash")


def other(value):
    """Return values that an attacker may put in the place of one."""
    if isinstance(value, str):
        changed = [value + "0", value[::-1] + "1", ""]
    elif isinstance(value, int):
        changed = [value + 1, value - 1, float(value)]
    elif isinstance(value, dict):
        changed = [{**value, "more": 1}, {}] if value else [{"more": 1}]
    else:
        changed = ["something"]
    return [*changed, 0.5, *([None] if value is not None else [])]


@pytest.fixture
async def chain(serve, library, lent):
    """Provide a server on its third day, with some entries on each day and the addresses of all."""
    clock = TurnedClock(NOON)
    server = await serve([library], clock=clock)
    audit = core(server.app).audit
    for day in range(3):
        for number in range(3):
            entry = lent(f"reader {number}", "by", days=day, state="new")
            await audit.link([row(entry, clock.now(), "client", "192.0.2.7")])
        if day < 2:
            await clock.advance(DAY)
    await audit.close()
    return server


@pytest.fixture
async def stored(chain, entries):
    return await entries(chain)


async def rewrite(server, documents):
    await server.documents["audit"].delete_many({})
    await server.documents["audit"].insert_many(documents)


async def test_untouched_chain_is_right(chain, stored, verified):
    found = await verified(chain)
    assert (found.entries, found.fault) == (len(stored), None)
    assert found.end == Position("2026-03-03", 3, stored[-1]["hash"])


@pytest.mark.parametrize("member", MEMBERS)
async def test_change_of_any_member_of_any_entry_is_found(chain, stored, verified, member):
    audit = chain.documents["audit"]
    unseen = []
    for entry in stored:
        for changed in other(entry[member]):
            if member == "_id":
                await audit.delete_one({"_id": entry["_id"]})
                await audit.insert_one({**entry, "_id": changed})
            elif await taken(audit, entry, member, changed):
                continue
            else:
                await audit.update_one({"_id": entry["_id"]}, {"$set": {member: changed}})
            if (await verified(chain)).fault is None:
                unseen.append((entry["day"], entry["number"], changed))
            await audit.delete_many({"_id": {"$in": [changed, entry["_id"]]}})
            await audit.insert_one(entry)
    assert unseen == []
    assert (await verified(chain)).fault is None


async def taken(audit, entry, member, changed):
    """Whether the unique index refuses the change of a member."""
    place = {"day": entry["day"], "number": entry["number"], member: changed}
    return await audit.find_one({"day": place["day"], "number": place["number"]}) not in (
        None,
        entry,
    )


@pytest.mark.parametrize("member", [name for name in MEMBERS if name != "_id"])
async def test_loss_of_any_member_of_any_entry_is_found(chain, stored, verified, member):
    audit = chain.documents["audit"]
    for entry in stored:
        if member in {"salt", "address"} and entry[member] is None:
            continue
        await audit.update_one({"_id": entry["_id"]}, {"$unset": {member: ""}})
        assert (await verified(chain)).fault is not None, entry
        await audit.replace_one({"_id": entry["_id"]}, entry)
    assert (await verified(chain)).fault is None


async def test_addition_of_a_member_to_any_entry_is_found(chain, stored, verified):
    audit = chain.documents["audit"]
    for entry in stored:
        await audit.update_one({"_id": entry["_id"]}, {"$set": {"note": None}})
        assert (await verified(chain)).fault is not None, entry
        await audit.replace_one({"_id": entry["_id"]}, entry)


async def test_deletion_of_any_entry_is_found_and_the_gap_is_named(chain, stored, verified):
    audit = chain.documents["audit"]
    for entry in stored:
        await audit.delete_one({"_id": entry["_id"]})
        assert (await verified(chain)).fault is not None, entry
        await audit.insert_one(entry)
    await audit.delete_one({"_id": stored[4]["_id"]})
    day, number = stored[5]["day"], stored[5]["number"]
    assert (await verified(chain)).fault == f"the entry before entry {number} of {day} is missing"


async def test_deletion_of_any_row_of_entries_is_found(chain, stored, verified):
    for first in range(len(stored)):
        for last in range(first + 1, len(stored) + 1):
            await rewrite(chain, stored[:first] + stored[last:] or [{"_id": "nothing"}])
            assert (await verified(chain)).fault is not None, (first, last)


async def test_deletion_of_everything_is_found(chain, verified):
    await chain.documents["audit"].delete_many({})
    assert (await verified(chain)).fault is not None


async def test_swap_of_any_two_entries_is_found(chain, stored, verified):
    places = [{"day": entry["day"], "number": entry["number"]} for entry in stored]
    for one in range(len(stored)):
        for two in range(one):
            swapped = list(stored)
            swapped[one] = {**stored[one], **places[two]}
            swapped[two] = {**stored[two], **places[one]}
            await rewrite(chain, swapped)
            assert (await verified(chain)).fault is not None, (one, two)


async def test_insertion_at_any_place_is_found(chain, stored, verified, lent):
    for index in range(len(stored)):
        # A forged entry that fits the entry before, with the numbers of the day moved up.
        day = stored[index]["day"]
        before = stored[index - 1] if index else None
        end = BEGINNING if before is None else Position(*(before[m] for m in BEGINNING._fields))
        (forged,) = linked([row(lent(), NOON, "client", None)], end, day)
        later = [
            {**entry, "number": entry["number"] + (entry["day"] == day)} for entry in stored[index:]
        ]
        await rewrite(chain, [*stored[:index], forged, *later])
        assert (await verified(chain)).fault is not None, index


async def test_chain_that_was_made_anew_is_found_by_an_end_that_was_kept(
    chain, stored, verified, lent
):
    kept = (await verified(chain)).end
    rows = [row(lent("another"), NOON, "client", None) for _ in stored]
    forged = list(linked(rows, BEGINNING, "2026-03-01"))
    await rewrite(chain, forged)
    await chain.documents["audit_end"].delete_many({})
    last = {name: forged[-1][name] for name in BEGINNING._fields}
    await chain.documents["audit_end"].insert_one({"_id": "audit_end", **last})
    assert (await verified(chain)).fault is None
    assert (await verified(chain, kept)).fault is not None


async def test_kept_end_stays_in_the_chain(chain, verified, lent):
    kept = (await verified(chain)).end
    await core(chain.app).audit.add(lent())
    assert (await verified(chain, kept)).fault is None
    forged = kept._replace(hash="0" * 64)
    assert (await verified(chain, forged)).fault == "entry 3 of 2026-03-03 is not the one that was"


async def test_forged_deletion_of_days_hides_nothing(chain, stored, verified):
    forged = {
        **stored[-1],
        "_id": "forged",
        "day": "2026-03-04",
        "number": 1,
        "action": "quartapp.audit-days-deleted",
    }
    for through in ("2026-03-03", "2026-03-04", "2027-01-01", None, 1):
        values = {"through": through, "hash": stored[-1]["hash"]}
        await chain.documents["audit"].insert_one({**forged, "after": values})
        assert (await verified(chain)).fault is not None, through
        await chain.documents["audit"].delete_one({"_id": "forged"})


def keeper_of(server, days):
    parts = core(server.app)
    return Keeper(parts.audit, parts.database, parts.clock, days)


async def test_old_days_are_deleted_as_a_whole_and_the_rest_is_verified(
    chain, stored, verified, entries
):
    keeper = keeper_of(chain, days=1)
    await keeper.look()
    await keeper.look()
    kept = await entries(chain)
    assert {entry["day"] for entry in kept} == {"2026-03-02", "2026-03-03"}
    told = [e for e in kept if e["action"] == "quartapp.audit-days-deleted"]
    last = [e for e in stored if e["day"] == "2026-03-01"][-1]
    assert [e["after"] for e in told] == [{"through": "2026-03-01", "hash": last["hash"]}]
    assert (await verified(chain)).fault is None
    # The first kept day is still protected.
    first_day = [entry for entry in kept if entry["day"] == "2026-03-02"]
    await chain.documents["audit"].delete_many({"_id": {"$in": [e["_id"] for e in first_day]}})
    assert (await verified(chain)).fault is not None


async def test_deletion_that_was_cut_short_is_verified_and_finished(chain, verified, entries):
    keeper = keeper_of(chain, days=1)
    stored = await entries(chain, day="2026-03-01")
    await keeper.look()
    # A process that died in between has left some entries.
    await chain.documents["audit"].insert_many(stored[1:])
    assert (await verified(chain)).fault is None
    await keeper.look()
    assert await entries(chain, day="2026-03-01") == []
    assert (await verified(chain)).fault is None


async def test_addresses_are_deleted_after_their_days_and_the_chain_stays_right(
    chain, verified, entries
):
    parts = core(chain.app)
    await parts.clock.advance((ADDRESS_DAYS - 1) * DAY)
    await keeper_of(chain, days=400).look()
    found = await entries(chain, action="library.lent")
    assert [entry.get("address") for entry in found] == [None] * 3 + ["192.0.2.7"] * 6
    assert {entry["network"] for entry in found} == {"192.0.2.0/24"}
    assert (await verified(chain)).fault is None
    # Earlier than that, nobody may delete an address.
    gone = {"$unset": {"address": "", "salt": ""}}
    await chain.documents["audit"].update_one({"_id": found[-1]["_id"]}, gone)
    assert (await verified(chain)).fault == "the address of entry 3 of 2026-03-03 was changed"


async def test_verification_reads_more_entries_than_fit_in_one_read(
    chain, stored, monkeypatch, verified
):
    for size in (2, 3, len(stored)):
        monkeypatch.setattr("quartapp.audit.verification.ENTRIES_PER_READ", size)
        found = await verified(chain)
        assert (found.entries, found.fault) == (len(stored), None)


def test_document_declares_the_members_of_entries():
    assert set(AuditDocument._db_field_map.values()) == set(MEMBERS)
