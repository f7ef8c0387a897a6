"""A ticket opens one socket, in place of a token, for half a minute."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp import Principal, QuartappError, SocketParameter, core, hookimpl
from quartapp.realtime.tickets import COLLECTION, LIFETIME
from quartapp.testing.clients import DEADLINE_SECONDS
from quartapp.testing.servers import SECRET
from quartapp_auth import UserService

NOBODY = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
NO_SESSION = {"event": "ERROR", "data": {"message": "No active attendance session"}}
SECONDS = LIFETIME.total_seconds()


@pytest.fixture
async def clock(turned_clock):
    """A clock that stands still, an hour ahead of the database, which deletes no ticket thus."""
    await turned_clock.advance(3600)
    return turned_clock


async def ticket_of(server, person):
    answer = await server.api.post("/auth/ticket", headers=person.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()["data"]["ticket"]


async def opened(server, ticket, more=""):
    return await server.socket(path=f"/ws?ticket={ticket}{more}")


async def is_refused(socket):
    return (await socket.closed(), socket.history) == (1008, [NOBODY])


async def takes_part(socket):
    return await socket.ask("MY_ATTENDANCE") == NO_SESSION


async def test_ticket_opens_one_socket_at_any_server(serve, clock):
    here, there = await serve(clock=clock), await serve(clock=clock)
    student = await here.person("student")
    ticket = await ticket_of(here, student)
    assert await takes_part(await opened(there, ticket))
    for server in (here, there):
        assert await is_refused(await opened(server, ticket))


async def test_of_many_handshakes_with_one_ticket_one_succeeds(serve, clock, eventually):
    servers = await serve(clock=clock), await serve(clock=clock)
    ticket = await ticket_of(servers[0], await servers[0].person("student"))
    sockets = await asyncio.gather(*(opened(servers[n % 2], ticket) for n in range(20)))
    refusals = [asyncio.create_task(is_refused(socket)) for socket in sockets]

    async def all_but_one_are_over():
        return sum(task.done() for task in refusals) == 19

    await eventually(all_but_one_are_over)
    (left,) = [n for n, task in enumerate(refusals) if not task.done()]
    waiting = refusals.pop(left)
    waiting.cancel()
    # A socket has one reader, which goes when the cancelled task has had its turn.
    await asyncio.gather(waiting, return_exceptions=True)
    assert await asyncio.gather(*refusals) == [True] * 19
    assert await takes_part(sockets[left])


async def test_ticket_ends_after_thirty_seconds(serve, clock):
    server = await serve(clock=clock)
    student = await server.person("student")
    in_time, late = await ticket_of(server, student), await ticket_of(server, student)
    await clock.advance(SECONDS - 1)
    assert await takes_part(await opened(server, in_time))
    await clock.advance(1)
    assert await server.documents[COLLECTION].count_documents({}) == 1
    assert await is_refused(await opened(server, late))


@pytest.mark.parametrize("ticket", ["", "unknown", "%00", "%ED%A0%80", "a" * 2000, "$gt"])
async def test_text_that_is_no_ticket_is_refused_even_beside_a_good_token(server, ticket):
    student = await server.person("student")
    assert await is_refused(await opened(server, ticket))
    assert await is_refused(await opened(server, ticket, f"&token={student.token}"))
    socket = await server.socket(path=f"/ws?ticket={ticket}", additional_headers=student.headers)
    assert await is_refused(socket)


async def test_token_is_no_ticket_and_a_ticket_is_no_token(serve, clock):
    server = await serve(clock=clock)
    student = await server.person("student")
    assert await is_refused(await opened(server, student.token))
    ticket = await ticket_of(server, student)
    assert await is_refused(await server.socket(path=f"/ws?token={ticket}"))
    headers = {"Authorization": f"Bearer {ticket}"}
    assert (await server.api.get("/auth/me", headers=headers)).status_code == 401


async def test_nobody_gets_a_ticket_without_a_token(server):
    answer = await server.api.post("/auth/ticket")
    assert answer.status_code == 401
    assert await server.documents[COLLECTION].count_documents({}) == 0


async def test_database_has_only_the_hash_of_a_ticket(serve, clock):
    server = await serve(clock=clock)
    student = await server.person("student")
    ticket = await ticket_of(server, student)
    (stored,) = await server.documents[COLLECTION].find().to_list()
    assert stored["_id"] == hashlib.sha256(ticket.encode()).hexdigest()
    assert ticket not in str(stored)
    assert student.token not in str(stored)
    indexes = await server.documents[COLLECTION].index_information()
    ending = [one["expireAfterSeconds"] for one in indexes.values() if "expireAfterSeconds" in one]
    assert ending == [0]


async def logged_out(server, person):
    await server.api.post("/auth/logout", headers=person.headers)


async def disabled(server, person):
    users = core(server.app).services.get(UserService)
    await users.disable(person.id)


async def deleted(server, person):
    await server.documents["users"].delete_one({"email": person.email})
    async with asyncio.timeout(DEADLINE_SECONDS):  # until the server has heard of it
        while (await server.api.get("/auth/me", headers=person.headers)).status_code != 404:
            pass


@pytest.mark.parametrize("end", [logged_out, disabled, deleted])
async def test_ticket_of_credentials_that_have_ended_is_refused(serve, clock, end):
    server = await serve(clock=clock)
    person = await server.person("teacher")
    ticket = await ticket_of(server, person)
    await end(server, person)
    assert await is_refused(await opened(server, ticket))


async def test_ticket_of_a_token_that_has_run_out_is_refused(serve, clock):
    server = await serve(clock=clock, token_hours=0.01)
    person = await server.person("teacher")
    await clock.advance(36 - SECONDS / 2)
    ticket = await ticket_of(server, person)
    await clock.advance(SECONDS / 2)
    assert await is_refused(await opened(server, ticket))


async def test_socket_of_a_ticket_ends_with_the_token(serve, clock):
    server = await serve(clock=clock)
    person = await server.person("teacher")
    by_ticket = await opened(server, await ticket_of(server, person))
    assert await by_ticket.drain() == []
    await logged_out(server, person)
    assert await is_refused(by_ticket)


class Claiming:
    """Gives tokens further claims, and tells a socket what claims it has."""

    name = "claiming"
    told = None

    @hookimpl
    def token_claims(self, user):
        return {"groups": ["a", {"b": None}], "large": 2**80, "$odd.name": 1.5}

    @hookimpl
    def register_socket_parameters(self):
        async def greet(connection, value):
            self.told = connection.principal
            return lambda: None

        return [SocketParameter(name="claims", pattern="x", greet=greet)]


async def test_socket_of_a_ticket_has_all_claims_of_the_token(serve, clock):
    claiming = Claiming()
    server = await serve(beside=[claiming], clock=clock)
    person = await server.person("student")
    socket = await opened(server, await ticket_of(server, person), "&claims=x")
    assert await takes_part(socket)
    assert claiming.told == core(server.app).tokens.verify(person.token)


class Strange:
    """Knows callers by a header, with claims that no JSON has."""

    name = "strange"

    @hookimpl
    def authenticate(self, connection):
        kind = connection.headers.get("X-Strange")
        if kind is None:
            return None
        claims = {"kind": kind} if kind == "plain" else {"since": timedelta(1)}
        return Principal("0" * 24, "student", claims=claims)


async def test_person_whom_a_plugin_knows_gets_a_ticket_if_the_claims_can_be_kept(serve, clock):
    server = await serve(beside=[Strange], clock=clock)
    answer = await server.api.post("/auth/ticket", headers={"X-Strange": "plain"})
    assert await takes_part(await opened(server, answer.json()["data"]["ticket"]))
    answer = await server.api.post("/auth/ticket", headers={"X-Strange": "odd"})
    assert answer.status_code == 401


class Named:
    name = "named"

    @hookimpl
    def register_socket_parameters(self):
        async def greet(connection, value):
            pass

        return [SocketParameter(name="ticket", pattern="x", greet=greet)]


async def test_plugin_has_no_parameter_called_ticket(serve):
    with pytest.raises(QuartappError, match="ticket is brought by both the core and named"):
        await serve(beside=[Named])


FAILING = """
from quartapp import SocketParameter, hookimpl

class Plugin:
    name = "failing"

    @hookimpl
    def register_socket_parameters(self):
        async def greet(connection, value):
            raise RuntimeError("a bug in a plugin")

        return [SocketParameter(name="fail", pattern="x", greet=greet)]
"""


async def served(socket):
    with suppress(ConnectionClosed):  # of sockets that are too many
        await socket.drain()


async def test_no_log_line_and_no_span_has_a_token_or_a_ticket(
    serve_process, mongodb_uri, collector, installed
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET=SECRET,
        QUARTAPP_LOG_LEVEL="debug",
        QUARTAPP_MAX_SOCKETS_PER_USER="2",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        PYTHONPATH=installed("failing", FAILING),
    )
    client = process.client
    person = await client.person("student")
    tickets = [await ticket_of(client, person) for _ in range(4)]
    await served(await client.socket(path=f"/ws?ticket={tickets[0]}&fail=x"))
    for query in (f"?token={person.token}", *(f"?ticket={ticket}" for ticket in tickets)):
        await served(await client.socket(path=f"/ws{query}&fail=x"))
    protocols = ["quartapp.v1", f"bearer.{person.token}"]
    await served(await client.socket(path="/ws", subprotocols=protocols))
    for query in (f"?token={person.token}", f"?ticket={tickets[0]}"):
        # Paths that are none, and requests that are no handshake, or no HTTP.
        for path in ("/ws", "/nowhere", "/api/v1/auth/me", "/healthz"):
            await client.api.get(f"{client.url}{path}{query}")
        host, _, port = client.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /ws{query} HTTP/9.9\r\n\r\n".encode())
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert await process.terminate() == 0
    assert "RuntimeError" in process.stderr
    assert collector.raw
    for secret in (person.token, *tickets):
        assert secret not in process.stderr
        assert secret.encode() not in collector.raw
