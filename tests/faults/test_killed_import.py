"""Imports that are killed at any moment: in the end each event is in the outbox, once."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter

import pytest

from quartapp.testing.processes import surroundings
from tests.plugins.quartapp_oneroster.conftest import RosterSet
from tests.plugins.quartapp_oneroster.test_events import MODULE

KILLS = 20
SMOKE_KILLS = 4
STUDENTS = 12_000
CLASSES = 400
TEACHERS = 50
# The outbox grows by at most this number of entries at once; see apply.EVENTS_PER_WRITE.
MOST_ENTRIES = 2000


def district(folder):
    """Return the folder of a set with many people on many rolls."""
    roster = RosterSet(folder)
    for number in range(TEACHERS):
        roster.user(f"t{number}", "teacher")
    for number in range(STUDENTS):
        roster.user(f"s{number}")
    for number in range(CLASSES):
        roster.class_(f"c{number}", f"Class {number}")
        roster.enrol(f"t{number % TEACHERS}", f"c{number}", "teacher")
    for number in range(STUDENTS):
        for shift in (0, 7):
            roster.enrol(f"s{number}", f"c{(number + shift) % CLASSES}")
    return roster.write()


async def events_of(documents):
    """Return what the entries of the outbox tell of."""
    found = await documents["outbox"].find({}, {"data": 1}).to_list()
    return Counter(tuple(entry["data"].values()) for entry in found)


async def expected_of(documents):
    """Return the events without which the database would not be as it is."""
    people = await documents["users"].find({}, {"role": 1}).to_list()
    rooms = await documents["classes"].find().to_list()
    return Counter(
        [
            *(("UserRegistered", str(one["_id"]), one["role"]) for one in people),
            *(("ClassCreated", str(room["_id"]), str(room["teacherId"])) for room in rooms),
            *(
                ("StudentAdded", str(room["_id"]), str(student))
                for room in rooms
                for student in room["studentsIds"]
            ),
        ]
    )


@pytest.mark.parametrize("kills", [pytest.param(SMOKE_KILLS, marks=pytest.mark.smoke), KILLS])
async def test_no_event_of_an_import_is_lost_or_told_twice(
    serve, mongodb_uri, installed, run_cli, eventually, tmp_path, kills
):
    documents = (await serve([])).documents
    folder = str(await asyncio.to_thread(district, tmp_path / "district"))
    environment = {
        "PYTHONPATH": installed("journal", MODULE),
        "MONGODB_URI": mongodb_uri,
        "QUARTAPP_EXTRA_PLUGINS": "oneroster",
    }
    killed = 0
    for _ in range(kills):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "quartapp.cli", "roster", "import", folder),
            cwd=tmp_path,
            env={**surroundings(), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        begun = await documents["oneroster_runs"].count_documents({"phase": {"$exists": True}})
        there = await documents["outbox"].count_documents({})
        wanted = there + random.choice((0, 1, random.randint(1, MOST_ENTRIES)))  # noqa: S311

        async def far_enough(process=process, begun=begun, wanted=wanted):
            if process.returncode is not None:
                return True
            writing = {"phase": {"$exists": True}}
            return (
                await documents["oneroster_runs"].count_documents(writing) > begun
                and await documents["outbox"].count_documents({}) >= wanted
            )

        await eventually(far_enough)
        if process.returncode is not None:
            break
        process.kill()
        await process.wait()
        killed += 1

        async def agree():
            return await events_of(documents) == await expected_of(documents)

        await eventually(agree)  # MongoDB may still be at the commit that the process has sent
    assert killed >= min(kills, 3)
    status, _, errors = await run_cli("roster", "import", folder, **environment)
    assert status == 0, errors
    events = await events_of(documents)
    assert events == await expected_of(documents)
    assert len(events) == STUDENTS + TEACHERS + CLASSES + 2 * STUDENTS
