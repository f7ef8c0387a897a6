"""A storm of connections: thousands of sockets at once."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pymongo
import pytest
from bson import ObjectId

from quartapp.identity.tokens import Tokens
from quartapp.testing.servers import SECRET
from tests.faults.support.crowd import Crowd

if TYPE_CHECKING:
    from typing import Any

    from tests.conftest import Lesson

SOCKETS = 5000
IN_SECONDS = 120.0
# What a server reads now and then whoever comes, such as sessions that were left half closed.
OTHER_READS = 20


def sign_up(users: pymongo.collection.Collection[Any], like: str, count: int) -> list[str]:
    """Return tokens of ``count`` new students.

    They are copies of one who registered: to hash five thousand passwords takes five minutes.
    """
    pattern = users.find_one({"_id": ObjectId(like)})
    assert pattern is not None
    copies = [
        {**pattern, "_id": ObjectId(), "email": f"{number}.{pattern['email']}"}
        for number in range(count)
    ]
    users.insert_many(copies)
    tokens = Tokens(SECRET)
    return [tokens.issue(str(copy["_id"]), copy["role"]) for copy in copies]


def reads(client: pymongo.MongoClient[Any], database: str) -> dict[str, int]:
    """Return the number of reads of each collection, as MongoDB's ``top`` counts them."""
    totals = client.admin.command("top")["totals"]
    return {
        name.removeprefix(f"{database}."): counts["readLock"]["count"]
        for name, counts in totals.items()
        if name.startswith(f"{database}.")
    }


def storm(url: str, tokens: list[str], maths: Lesson, figures: dict[str, object]) -> None:
    """Open all sockets at once, and show them a mark."""
    with Crowd(url) as crowd:
        teacher = crowd.open([maths.teacher.token])[0]
        begun, used = time.perf_counter(), time.process_time()
        members = crowd.open(tokens)
        taken = sorted(member.opened_at - begun for member in members if member.opened_at)
        figures["half of them in, s"] = taken[len(taken) // 2]
        figures["all in, s"] = taken[-1]
        figures["of that the clients' own, s"] = time.process_time() - used
        teacher.send("ATTENDANCE_MARKED", studentId=maths.students[0].id, status="present")
        crowd.until(lambda: crowd.frames == len(tokens) + 1, IN_SECONDS)
        assert crowd.ended == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_storm_of_connections_costs_one_read_each(
    serve_process, mongodb_uri, lesson, figures, workers
):
    process = await serve_process(
        "--workers", str(workers), MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET
    )
    maths = await lesson(process.client, students=1)
    await maths.start()
    with pymongo.MongoClient(mongodb_uri) as client:
        database = client.get_default_database()
        tokens = sign_up(database["users"], maths.students[0].id, SOCKETS)
        before = reads(client, database.name)
        await asyncio.to_thread(storm, process.client.url, tokens, maths, figures)
        after = reads(client, database.name)
    read = {name: count - before.get(name, 0) for name, count in after.items()}
    figures["reads"] = {name: count for name, count in read.items() if count}
    assert read.pop("users") <= SOCKETS + OTHER_READS
    assert sum(read.values()) <= OTHER_READS
    assert await process.terminate() == 0
