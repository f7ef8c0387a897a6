"""Migrations: once, in order, by one process, from where a killed one stopped."""

from __future__ import annotations

import asyncio
import sys

import pytest

from quartapp import Migration, PluginError
from quartapp.database.migrations import COLLECTION
from quartapp.server.listening import ServerError
from quartapp.testing import SECRET, TurnedClock
from quartapp.testing.processes import surroundings

STEPS = 3
# Marks each step's beginning and end; hangs, to be killed, where HANG_AT says.
MODULE = """
import asyncio, os
from quartapp import Migration

def step(version):
    async def run(database):
        for part in ("begin", "end"):
            await database.documents["parts"].insert_one({"part": f"{version}-{part}"})
            if os.environ.get("HANG_AT") == f"{version}-{part}":
                await asyncio.sleep(3600)
    return Migration(version, f"step {version}", run)

class Plugin:
    migrations = [step(version) for version in (2, 3, 4)]
"""


class Moving:
    """A plugin whose data is moved by two steps."""

    name = "moving"

    def __init__(self):
        self.calls = []
        self.migrations = [
            Migration(2, "names become titles", self.rename),
            Migration(3, "titles are trimmed", self.trim),
        ]

    async def rename(self, database):
        self.calls.append(2)
        await database.documents["books"].update_many({}, {"$rename": {"name": "title"}})

    async def trim(self, database):
        self.calls.append(3)
        trimmed = {"$set": {"title": {"$trim": {"input": "$title"}}}}
        await database.documents["books"].update_many({}, [trimmed])


async def versions(server):
    found = await server.documents[COLLECTION].find().to_list()
    return {document["_id"]: document["version"] for document in found}


async def test_steps_run_once_in_order_and_before_the_plugin_starts(serve):
    empty = await serve([])
    await empty.documents["books"].insert_one({"name": " Elements "})
    first, second = Moving(), Moving()
    server = await serve([first])
    assert first.calls == [2, 3]
    book = await server.documents["books"].find_one({}, {"_id": 0})
    assert book == {"title": "Elements"}
    assert await versions(server) == {"moving": 3}
    await serve([second])
    assert second.calls == []


async def test_servers_that_start_together_migrate_once(serve):
    plugins = [Moving() for _ in range(4)]
    await asyncio.gather(*(serve([plugin]) for plugin in plugins))
    assert sorted(call for plugin in plugins for call in plugin.calls) == [2, 3]


@pytest.mark.parametrize("part", ["2-begin", "2-end", "3-begin", "3-end", "4-begin", "4-end"])
async def test_another_process_takes_over_from_a_killed_one(
    run_cli, serve, mongodb_uri, installed, eventually, part
):
    environment = {
        "PYTHONPATH": installed("moving", MODULE),
        "QUARTAPP_PLUGINS": "moving",
        "MONGODB_URI": mongodb_uri,
        "JWT_SECRET": SECRET,
    }
    observer = await serve([])
    await _killed_at(environment, part, observer, eventually)
    parts = await observer.documents["parts"].find().to_list()
    assert parts[-1]["part"] == part
    # The lease of the killed process is over.
    await observer.documents["leases"].update_one(
        {"_id": "migrations"}, {"$set": {"until": TurnedClock().now()}}
    )
    status, output, errors = await run_cli("migrate", **environment)
    assert status == 0, errors
    version = int(part[0])
    assert output.splitlines() == [
        *(f"moving {v - 1} -> {v}: step {v}" for v in range(version, 2 + STEPS)),
        "All data has the version that the code needs.",
    ]
    assert await versions(observer) == {"moving": 1 + STEPS}
    done = [found["part"] for found in await observer.documents["parts"].find().to_list()]
    again = [f"{v}-{p}" for v in range(version, 2 + STEPS) for p in ("begin", "end")]
    assert done[len(parts) :] == again


async def _killed_at(environment, part, observer, eventually):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "quartapp.cli", "migrate"),
        env={**surroundings(), **environment, "HANG_AT": part},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: observer.documents["parts"].find_one({"part": part}))
    finally:
        process.kill()
        await process.wait()


async def test_a_dry_run_shows_the_steps_and_changes_nothing(
    run_cli, serve, mongodb_uri, installed
):
    environment = {
        "PYTHONPATH": installed("moving", MODULE),
        "QUARTAPP_PLUGINS": "moving",
        "MONGODB_URI": mongodb_uri,
    }
    status, output, _ = await run_cli("migrate", "--dry-run", **environment)
    assert (status, output.splitlines()) == (
        0,
        ["moving 1 -> 2: step 2", "moving 2 -> 3: step 3", "moving 3 -> 4: step 4"],
    )
    observer = await serve([])
    found = set(await observer.documents.list_collection_names())
    assert found.isdisjoint({"parts", "leases", COLLECTION})


async def test_data_of_a_newer_version_is_refused_with_one_sentence(serve):
    await serve([Moving()])

    class Older(Moving):
        def __init__(self):
            super().__init__()
            self.migrations = self.migrations[:1]

    said = (
        r"^the data of moving in \S+ has version 3, and the installed moving knows "
        "versions up to 2: install the newer one, or restore a backup$"
    )
    with pytest.raises(ServerError, match=said):
        await serve([Older()])


async def test_a_step_that_fails_stops_the_start_and_is_tried_again(serve):
    class Failing(Moving):
        broken = True

        async def trim(self, database):
            if self.broken:
                raise ValueError("a title without letters")
            await super().trim(database)

    plugin = Failing()
    with pytest.raises(ServerError, match=r"version 3 \(titles are trimmed\): ValueError: a title"):
        await serve([plugin])
    plugin.broken = False
    server = await serve([plugin])
    assert plugin.calls == [2, 3]
    assert await versions(server) == {"moving": 3}


async def test_each_step_has_its_own_time_limit(serve, turned_clock):
    hangs = asyncio.Event()

    async def hang(_database):
        hangs.set()
        await asyncio.Event().wait()

    class Hanging:
        name = "hanging"
        migrations = (Migration(2, "nothing", hang, seconds=30),)

    starting = asyncio.create_task(serve([Hanging()], clock=turned_clock))
    await hangs.wait()
    for _ in range(6):
        await turned_clock.asked(5)
        await turned_clock.advance(5)
    with pytest.raises(ServerError, match="took longer than 30 s"):
        await starting


@pytest.mark.parametrize("steps", [[Migration(3, "too high", print)], ["2"]])
async def test_invalid_migrations_are_refused_at_build(serve, steps):
    class Wrong:
        name = "wrong"
        migrations = steps

    with pytest.raises(PluginError, match=r"plugin wrong \(given\): `migrations` must be a"):
        await serve([Wrong()])
