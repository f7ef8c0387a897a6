"""The events of an import: those of the same changes by hand, stored with what they tell of."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from bson import ObjectId

from quartapp import DatabaseUnavailableError, OutboxEntry, core, hookimpl
from quartapp_auth import AccountEntry, BulkAccounts, UserRegistered
from quartapp_oneroster.apply import Step, _save
from quartapp_oneroster.audited import taken_over
from quartapp_oneroster.conflicts import through_conflicts

MODULE = """
from dataclasses import asdict

from quartapp import OutboxEntry, core, hookimpl


class Plugin:
    requires = ("classes",)

    @hookimpl
    def register_services(self, app):
        self.database = core(app).database

    @hookimpl
    def outbox_entries(self, event):
        return [OutboxEntry("journal", None, {"event": type(event).__name__, **asdict(event)})]

    @hookimpl
    def deliver(self):
        pass

    @hookimpl
    async def on_events(self, events):
        names = [type(event).__name__ for event in events]
        await self.database.documents["heard"].insert_one({"events": names})
"""


@pytest.fixture
def bring_in(school, run_cli, installed):
    """Return a function that imports with a plugin, and returns what the import told of.

    The first result counts the entries of the outbox, the second has the calls of ``on_events``.
    """
    environment = {
        "PYTHONPATH": installed("journal", MODULE),
        "MONGODB_URI": school.uri,
        "QUARTAPP_EXTRA_PLUGINS": "oneroster",
    }

    async def run(roster):
        for name in ("outbox", "heard"):
            school.db[name].delete_many({})
        folder = await asyncio.to_thread(roster.write)
        status, _, errors = await run_cli("roster", "import", str(folder), **environment)
        assert status == 0, errors
        entries = Counter(tuple(e["data"].values()) for e in school.db["outbox"].find())
        return entries, [call["events"] for call in school.db["heard"].find(sort=[("_id", 1)])]

    return run


async def test_first_import_tells_of_people_classes_and_rolls(school, bring_in):
    entries, calls = await bring_in(school.small())
    room = school.class_room("c1")
    class_id, teacher = str(room["_id"]), str(room["teacherId"])
    assert entries == Counter([
        *(("UserRegistered", str(p["_id"]), p["role"]) for p in school.db["users"].find()),
        ("ClassCreated", class_id, teacher),
        *(("StudentAdded", class_id, str(student)) for student in room["studentsIds"]),
    ])  # fmt: skip
    assert calls == [["UserRegistered"] * 3, ["ClassCreated", "StudentAdded", "StudentAdded"]]


async def test_changes_are_told_and_what_stays_is_not(school, bring_in):
    roster = school.small()
    await bring_in(roster)
    assert await bring_in(roster) == (Counter(), [])
    roster.rows["classes"][0]["title"] = "Geometry"
    roster.rows["users"][1]["familyName"] = "Wed"
    roster.rows["enrollments"][2]["status"] = "tobedeleted"
    entries, calls = await bring_in(roster)
    class_id, bob = str(school.class_room("c1")["_id"]), str(school.account("bob")["_id"])
    told = [("ClassChanged", class_id), ("StudentRemoved", class_id, bob)]
    assert entries == Counter(told)
    assert calls == [["ClassChanged", "StudentRemoved"]]


async def test_teachers_are_told_of_where_a_class_has_others(school, bring_in):
    roster = school.small().user("two", "teacher").enrol("two", "c1", "teacher")
    entries, _ = await bring_in(roster)
    class_id = str(school.class_room("c1")["_id"])
    assert entries["TeachersChanged", class_id] == 1
    roster.rows["enrollments"][0]["primary"] = "false"
    roster.rows["enrollments"][-1]["primary"] = "true"
    entries, _ = await bring_in(roster)
    assert entries == Counter([("TeachersChanged", class_id)])


class Journal:
    """Hears of events, and has an entry for each if it is to."""

    name = "journal"

    def __init__(self, *, writes):
        self.writes = writes
        self.heard = []

    @hookimpl
    def outbox_entries(self, event):
        return [OutboxEntry("journal", "one", {})] if self.writes else []

    @hookimpl
    def deliver(self):
        pass

    @hookimpl
    def on_events(self, events):
        self.heard += events


@pytest.mark.parametrize("writes", [True, False])
async def test_refused_account_is_told_of_by_nobody(serve, writes):
    journal = Journal(writes=writes)
    server = await serve(beside=[journal])
    person = await server.person("student")
    await server.settled()
    parts = core(server.app)
    people = [
        AccountEntry(ObjectId(), email, "Ann", "student", email)
        for email in ("ann@school.example", person.email, "bob@school.example")
    ]
    events = [UserRegistered(str(account.id), "student") for account in people]
    steps = [Step(account, [event]) for account, event in zip(people, events, strict=True)]
    refused = await _save(parts.plugins, steps, BulkAccounts(parts.database).save)
    await server.settled()
    assert refused == [people[1]]
    stored = {one["_id"] async for one in server.documents["users"].find()}
    assert stored - {ObjectId(person.id)} == (set() if writes else {people[0].id, people[2].id})
    assert journal.heard[1:] == ([] if writes else [events[0], events[2]])


@pytest.mark.parametrize("standalone", [True, False])
async def test_takeover_is_recorded_exactly_if_it_is_written(own_mongod, serve, standalone):
    given = {"mongodb_uri": own_mongod().uri} if standalone else {}
    server = await serve(extra_plugins=("oneroster",), **given)
    owner, holder = [await server.person("student") for _ in range(2)]
    parts = core(server.app)
    taken, refused, new = [
        AccountEntry(key, email, "Ann", "student", email, taken_over=email == owner.email)
        for key, email in (
            (ObjectId(owner.id), owner.email),
            (ObjectId(), holder.email),
            (ObjectId(), "bob@school.example"),
        )
    ]
    takeover = Step(taken, audited=[taken_over(taken.id)])
    save = BulkAccounts(parts.database).save

    async def taken_and_recorded():
        written = await server.documents["users"].count_documents({"sourcedId": owner.email})
        action = {"action": "oneroster.account-taken-over"}
        return written, await server.documents["audit"].count_documents(action)

    assert await _save(parts.plugins, [takeover, Step(refused), Step(new)], save) == [refused]
    # Without transactions, what was not refused is written.
    assert await taken_and_recorded() == ((1, 1) if standalone else (0, 0))
    assert (
        await _save(parts.plugins, [Step(new)] if standalone else [takeover, Step(new)], save) == []
    )
    assert await taken_and_recorded() == (1, 1)


async def test_import_waits_for_the_transaction_of_a_killed_one(serve):
    server = await serve(database_timeout=5)
    parts = core(server.app)
    account = {"_id": ObjectId(), "email": "ann@school.example"}
    tries = 0

    async with server.documents.client.start_session() as session:
        await session.start_transaction()
        held = {"email": account["email"]}
        await server.documents["users"].insert_one(held, session=session)

        async def work(conflicts):
            nonlocal tries
            tries += 1
            if tries == 2:
                await session.abort_transaction()

            async def insert():
                with conflicts.noted():
                    return await parts.database.documents["users"].insert_one(account)

            return await parts.database.transaction(insert)

        await through_conflicts(work)
    assert tries == 2
    stored = [one async for one in server.documents["users"].find()]
    assert stored == [account]


async def test_database_that_is_away_is_not_waited_for():
    tries = 0

    async def work(conflicts):
        nonlocal tries
        tries += 1
        raise DatabaseUnavailableError("away")

    with pytest.raises(DatabaseUnavailableError):
        await through_conflicts(work)
    assert tries == 1
