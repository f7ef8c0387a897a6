"""Servers that are killed while they make things: a retry with the same key makes no second one.

Requests with an ``Idempotency-Key`` are under way when the server is killed. The next server gets
all of them again, answered and unanswered ones: each thing is there once, and each request has one
answer.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from bson import ObjectId

from quartapp.embedded.mongo import TRANSACTION_SECONDS
from quartapp.http.idempotency import LEASE
from quartapp.testing import SECRET

if TYPE_CHECKING:
    import httpx

ROUNDS = 30
SMOKE_ROUNDS = 5
EACH = 4

MODULE = """
from quart import Blueprint
from quartapp import PUBLIC, Body, Operation, Refusal, core, hookimpl

class Note(Body):
    text: str

blueprint = Blueprint("notes", __name__)

@blueprint.post("/notes")
@Operation(id="makeNote", access=PUBLIC, tags=("notes",), body=Note, status=201,
           data=dict[str, str], invalid=Refusal(400, "No note"), idempotent=True)
async def make(body, attempt):
    async with core().database.operation():
        await core().database.documents["notes"].update_one(
            {"_id": attempt.id}, {"$set": {"text": body.text}}, upsert=True
        )
    return {"_id": str(attempt.id)}

class Plugin:
    @hookimpl
    def register_blueprints(self):
        return [blueprint]
"""


@dataclass
class Asked:
    """A request with a key.

    Attributes:
        path: Path of the request.
        body: The JSON body.
        headers: Headers of the request, the key among them.
        collection: Collection of what the request makes.
        made: Query that finds what the request makes.
        answer: What came back before the server was killed; None when nothing did.
    """

    path: str
    body: dict[str, str]
    headers: dict[str, str]
    collection: str
    made: dict[str, Any]
    answer: httpx.Response | None = None

    async def send(self, client):
        # A connection of its own: the server ends idle ones when its clock is turned.
        headers = {**self.headers, "Connection": "close"}
        return await client.api.post(client.url + self.path, json=self.body, headers=headers)


async def all_that_create(client, name, teacher, students):
    """Return a request of each kind for each student, and a request that starts a session."""
    rooms = []
    for use in ("enrolled", "started"):
        room = {"className": f"{use} {name}"}
        made = await client.api.post("/class", json=room, headers=teacher.headers)
        rooms.append(made.json()["data"]["_id"])
    enrolled, started = rooms
    asked = []

    def ask(path, body, collection, made):
        headers = {**teacher.headers, "Idempotency-Key": f"{name} {len(asked)}"}
        asked.append(Asked(path, body, headers, collection, made))

    for number, student in enumerate(students):
        new = f"{name}-{number}"
        person = {"name": new, "email": f"{new}@example.org", "password": "a secret word"}
        ask("/api/v1/auth/register", {**person, "role": "student"}, "users", {"name": new})
        ask("/api/v1/class", {"className": new}, "classes", {"className": new})
        ask("/notes", {"text": new}, "notes", {"text": new})
        on_roll = {"_id": ObjectId(enrolled), "studentsIds": ObjectId(student.id)}
        add = f"/api/v1/class/{enrolled}/add-student"
        ask(add, {"studentId": student.id}, "classes", on_roll)
    session = {"classId": ObjectId(started)}
    ask("/api/v1/attendance/start", {"classId": started}, "sessions", session)
    return asked


async def killed_while_they_run(process, asked, answers):
    """Send all requests at once, and kill the server after a number of answers."""
    under_way = [asyncio.create_task(one.send(process.client)) for one in asked]
    for count, done in enumerate(asyncio.as_completed(under_way), 1):
        await done
        if count >= answers:
            break
    await process.kill()
    await asyncio.wait(under_way)
    for one, task in zip(asked, under_way, strict=True):
        if task.exception() is None:
            one.answer = task.result()


@pytest.mark.parametrize("rounds", [pytest.param(SMOKE_ROUNDS, marks=pytest.mark.smoke), ROUNDS])
async def test_a_retry_makes_no_second_thing_whenever_the_server_was_killed(
    serve_process, serve, mongodb_uri, installed, clock_in_process, figures, rounds
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET=SECRET,
        PYTHONPATH=installed("notes", MODULE),
        # What the killed server was about to change waits for MongoDB to end its transaction.
        QUARTAPP_DATABASE_TIMEOUT=str(4 * TRANSACTION_SECONDS),
    )
    documents = (await serve([])).documents
    teacher = await process.client.person("teacher")
    students = await process.client.people("student", EACH)
    figures |= {"requests": 0, "answered before the kill": 0, "made and not answered": 0}
    for number in range(rounds):
        asked = await all_that_create(process.client, f"round{number}", teacher, students)
        await killed_while_they_run(process, asked, random.randrange(1, len(asked)))  # noqa: S311
        for one in asked:
            made = await documents[one.collection].count_documents(one.made)
            figures["requests"] += 1
            figures["answered before the kill"] += one.answer is not None
            figures["made and not answered"] += one.answer is None and made
        await process.start()
        # Each process starts with the time of the wall; leases of the one before ran by its clock.
        await process.advance(LEASE.total_seconds() * (number + 1))
        for one in asked:
            again = await one.send(process.client)
            assert again.status_code == (200 if one.collection == "sessions" else 201), again.text
            if one.answer is not None:
                assert again.content == one.answer.content
            assert (await one.send(process.client)).content == again.content
            assert await documents[one.collection].count_documents(one.made) == 1, one
        roll = await documents["classes"].find_one({"className": f"enrolled round{number}"})
        assert len(roll["studentsIds"]) == EACH
    assert figures["answered before the kill"] < figures["requests"]
