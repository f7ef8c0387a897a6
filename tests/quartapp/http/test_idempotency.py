"""A request with ``Idempotency-Key`` is done once, however often it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from quart import Blueprint

from quartapp import PUBLIC, Attempt, Body, Operation, Refusal, hookimpl
from quartapp.http.idempotency import COLLECTION, LEASE, LIFETIME
from quartapp.testing import TurnedClock

KEY = "Idempotency-Key"
REGISTRATION = {
    "name": "Ada",
    "email": "ada@example.org",
    "password": "c4nary of a password",
    "role": "teacher",
}


class Bell(Body):
    """The number of rings."""

    times: int


class Bells:
    """A route that counts how often it ran, waits when it is told to, and fails on demand."""

    name = "bells"

    def __init__(self) -> None:
        self.rung = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.broken = False

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("bells", __name__)

        @blueprint.post("/bells/<tower>")
        @Operation(
            id="ringBell",
            access=PUBLIC,
            tags=("bells",),
            body=Bell,
            data=dict[str, Any],
            invalid=Refusal(400, "No such bell"),
            idempotent=True,
        )
        async def ring(tower: str, body: Bell):
            self.rung += 1
            self.begun.set()
            await self.may_end.wait()
            if self.broken:
                raise LookupError("the rope is torn")
            return {"rung": self.rung}

        return [blueprint]


async def ring(server, key, times=1, tower="north"):
    # A connection of its own: one that is kept ends as a turned clock goes on.
    headers = {"Connection": "close"} | ({} if key is None else {KEY: key})
    url = f"{server.url}/bells/{tower}"
    return await server.api.post(url, json={"times": times}, headers=headers)


async def kept(server):
    return await server.documents[COLLECTION].find().to_list()


async def test_the_same_request_again_is_answered_byte_for_byte_and_done_once(serve):
    bells = Bells()
    server = await serve(beside=[bells])
    first, again = await ring(server, "k"), await ring(server, "k")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (
        None,
        "true",
    )
    assert bells.rung == 1
    await ring(server, "l")
    await ring(server, None)
    assert bells.rung == 3


@pytest.mark.parametrize("other", [{"times": 2}, {"tower": "south"}])
async def test_the_key_of_another_request_is_refused(serve, other):
    bells = Bells()
    server = await serve(beside=[bells])
    await ring(server, "k")
    answer = await ring(server, "k", **other)
    assert answer.status_code == 422
    assert answer.json()["error"] == "Idempotency-Key was used for another request"
    assert answer.json()["code"] == "idempotency-key-reused"
    assert bells.rung == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ä"])
async def test_invalid_key_is_refused(serve, key):
    server = await serve(beside=[Bells()])
    answer = await ring(server, key.encode())
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-unusable")


async def test_repeated_key_of_a_running_request_is_refused(serve):
    bells = Bells()
    server = await serve(beside=[bells])
    bells.may_end.clear()
    first = asyncio.create_task(ring(server, "k"))
    await bells.begun.wait()
    meanwhile = await ring(server, "k")
    assert (meanwhile.status_code, meanwhile.headers["retry-after"]) == (409, "1")
    assert meanwhile.json()["error"] == "Request with this Idempotency-Key is still running"
    bells.may_end.set()
    assert (await ring(server, "k")).content == (await first).content
    assert bells.rung == 1


async def test_failed_request_runs_again(serve):
    bells = Bells()
    server = await serve(beside=[bells])
    bells.broken = True
    assert (await ring(server, "k")).status_code == 500
    bells.broken = False
    assert (await ring(server, "k")).status_code == 200


async def test_invalid_body_does_not_use_up_the_key(serve):
    server = await serve(beside=[Bells()])
    assert (await ring(server, "k", times="x")).status_code == 400
    assert (await ring(server, "k")).status_code == 200


async def test_the_key_of_a_server_that_died_is_taken_over_after_its_lease(serve):
    clock, bells = TurnedClock(), Bells()
    server = await serve(beside=[bells], clock=clock)
    await ring(server, "k")
    await without_their_answers(server)
    assert (await ring(server, "k")).status_code == 409
    await clock.advance(LEASE.total_seconds())
    assert (await ring(server, "k", times=2)).status_code == 422
    assert (await ring(server, "k")).json()["data"] == {"rung": 2}
    assert (await ring(server, "k")).json()["data"] == {"rung": 2}


async def requests_that_create(server):
    """Return a creating request of each kind, with the field that makes it unique."""
    teacher, student = await server.person("teacher"), await server.person("student")
    own = {"headers": {**teacher.headers, KEY: "k"}}
    made = await server.api.post("/class", json={"className": "Sets"}, headers=teacher.headers)
    sets = made.json()["data"]["_id"]
    version = (await server.api.get(f"/class/{sets}", headers=teacher.headers)).headers["ETag"]
    add = {"json": {"studentId": student.id}, "headers": {**own["headers"], "If-Match": version}}
    return {
        "/auth/register": {"json": REGISTRATION, "headers": {KEY: "k"}},
        "/class": {"json": {"className": "Logic"}, **own},
        f"/class/{sets}/add-student": add,
        "/attendance/start": {"json": {"classId": sets}, **own},
    }


async def without_their_answers(server):
    """Leave the keys as a process does that dies before it has answered."""
    await server.documents[COLLECTION].update_many(
        {}, {"$unset": {"status": "", "headers": "", "content": ""}}
    )


async def test_a_retry_is_answered_with_what_a_server_made_that_died_before_its_answer(serve):
    clock = TurnedClock()
    server = await serve(clock=clock)
    server.api.headers["Connection"] = "close"
    asked = await requests_that_create(server)
    first = {path: await server.api.post(path, **one) for path, one in asked.items()}
    assert [answer.status_code for answer in first.values()] == [201, 201, 201, 200]
    # The roll call is over before the retry, which must not begin a second one.
    await server.documents["sessions"].update_one({}, {"$set": {"state": "closed"}})
    await without_their_answers(server)
    await clock.advance(LEASE.total_seconds())
    for path, one in asked.items():
        assert (await server.api.post(path, **one)).content == first[path].content
    stored = server.documents
    assert await stored["users"].count_documents({"email": REGISTRATION["email"]}) == 1
    assert await stored["classes"].count_documents({"className": "Logic"}) == 1
    assert len((await stored["classes"].find_one({"className": "Sets"}))["studentsIds"]) == 1
    assert await stored["sessions"].count_documents({}) == 1


async def test_a_retry_is_refused_where_somebody_else_made_the_thing_meanwhile(serve):
    clock = TurnedClock()
    server = await serve(clock=clock)
    server.api.headers["Connection"] = "close"
    asked = await requests_that_create(server)
    wanted = ("/auth/register", "/class")
    for path in wanted:
        await server.api.post(path, **asked[path])
    await server.documents["classes"].delete_one({"className": "Logic"})
    await server.documents["users"].delete_one({"email": REGISTRATION["email"]})
    for path in wanted:
        other = {**asked[path]["headers"], KEY: "another"}
        answer = await server.api.post(path, json=asked[path]["json"], headers=other)
        assert answer.status_code == 201
    await without_their_answers(server)
    await clock.advance(LEASE.total_seconds())
    statuses = [(await server.api.post(path, **asked[path])).status_code for path in wanted]
    assert statuses == [403, 409]


async def test_each_try_of_a_request_gets_one_id_and_learns_that_it_is_repeated(serve):
    tries = []
    blueprint = Blueprint("things", __name__)

    @blueprint.post("/things")
    @Operation(
        id="makeThing",
        access=PUBLIC,
        tags=("things",),
        data=dict[str, str],
        idempotent=True,
    )
    async def make(attempt: Attempt):
        tries.append(attempt)
        if len(tries) < 3:
            raise LookupError("nobody knows what became of the write")
        return {"_id": str(attempt.id)}

    class Things:
        name = "things"

        @hookimpl
        def register_blueprints(self):
            return [blueprint]

    server = await serve(beside=[Things])

    async def send(headers):
        return (await server.api.post(f"{server.url}/things", headers=headers)).status_code

    assert [await send({KEY: "k"}) for _ in range(4)] == [500, 500, 200, 200]
    assert [one.repeated for one in tries] == [False, True, True]
    assert len({one.id for one in tries}) == 1
    await send({})
    await send({KEY: "l"})
    assert [one.repeated for one in tries[3:]] == [False, False]
    assert len({one.id for one in tries}) == 3


async def test_a_key_is_free_again_after_a_day_even_if_mongodb_has_not_removed_it(serve):
    clock, bells = TurnedClock(), Bells()
    server = await serve(beside=[bells], clock=clock)
    await ring(server, "k")
    # The date is set ahead: nobody has to wait for all looks at the database that a day has.
    clock._began += LIFETIME.total_seconds() - 1
    assert (await ring(server, "k")).headers["idempotent-replayed"] == "true"
    clock._began += 1
    assert (await ring(server, "k", times=2)).json()["data"] == {"rung": 2}
    (index,) = [
        one
        for one in (await server.documents[COLLECTION].index_information()).values()
        if one["key"] == [("expires", 1)]
    ]
    assert index["expireAfterSeconds"] == 0


async def test_concurrent_requests_with_one_key_are_done_once(serve):
    bells = Bells()
    server = await serve(beside=[bells])
    answers = await asyncio.gather(*(ring(server, "k") for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert bells.rung == 1


async def test_keys_belong_to_a_person_and_to_an_operation(server):
    teachers = await server.people("teacher", 2)
    names = []
    for teacher in teachers:
        headers = {**teacher.headers, KEY: "k"}
        made = await server.api.post("/class", json={"className": "Logic"}, headers=headers)
        names.append(made.json()["data"]["teacherId"])
        started = await server.api.post(
            "/attendance/start", json={"className": "Logic"}, headers=headers
        )
        assert started.status_code == 200, started.text
    assert names == [teacher.id for teacher in teachers]


async def test_creating_routes_take_keys_and_repeat_their_refusals(server):
    teacher, student = await server.person("teacher"), await server.person("student")
    once = {**teacher.headers, KEY: "once"}
    first = await server.api.post("/auth/register", json=REGISTRATION, headers={KEY: "k"})
    again = await server.api.post("/auth/register", json=REGISTRATION, headers={KEY: "k"})
    assert (first.status_code, first.content) == (201, again.content)
    made = [
        await server.api.post("/class", json={"className": "Logic"}, headers=once) for _ in "ab"
    ]
    assert made[0].content == made[1].content
    path = f"/class/{made[0].json()['data']['_id']}/add-student"
    added = [
        await server.api.post(path, json={"studentId": student.id}, headers=once) for _ in "ab"
    ]
    assert (added[1].status_code, added[0].content) == (201, added[1].content)
    twice = {**teacher.headers, KEY: "twice"}
    taken = [
        await server.api.post("/class", json={"className": "Logic"}, headers=twice) for _ in "ab"
    ]
    assert (taken[1].status_code, taken[0].content) == (409, taken[1].content)


async def test_nothing_secret_is_kept(server):
    teacher = await server.person("teacher")
    answer = await server.api.post(
        "/auth/register", json=REGISTRATION, headers={KEY: "the key itself"}
    )
    assert answer.status_code == 201
    await server.api.post(
        "/class", json={"className": "Logic"}, headers={**teacher.headers, KEY: "the key itself"}
    )
    login = await server.api.post(
        "/auth/login",
        json={"email": REGISTRATION["email"], "password": REGISTRATION["password"]},
        headers={KEY: "another"},
    )
    assert login.status_code == 200
    found = str(await kept(server))
    assert len(await kept(server)) == 2
    for secret in (REGISTRATION["password"], "the key itself", teacher.token):
        assert secret not in found
    assert login.json()["data"]["token"] not in found


async def test_without_the_header_nothing_is_kept(server):
    teacher = await server.person("teacher")
    body = {"className": "Logic"}
    assert (await server.api.post("/class", json=body, headers=teacher.headers)).status_code == 201
    assert await kept(server) == []
