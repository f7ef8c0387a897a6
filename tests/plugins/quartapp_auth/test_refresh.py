"""Other systems are asked again about people whose sockets are open, and who send nothing."""

from __future__ import annotations

import pytest
from bson import ObjectId

from quartapp import (
    CredentialsRefusedError,
    Identity,
    Principal,
    SignInUnavailableError,
    core,
    hookimpl,
)
from quartapp_auth import UserService

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
MINUTE = 60
PERIOD = 15 * MINUTE
PROGRAM = str(ObjectId())


class Register:
    """A system of people: refuses, changes or confirms whom it knows, and knows a program."""

    name = "register"

    def __init__(self):
        self.answers = {}
        self.asked = []

    @hookimpl
    async def refresh_account(self, principal):
        self.asked.append(principal.id)
        answer = self.answers.get(principal.id)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @hookimpl
    async def authenticate(self, connection):
        user_id = connection.headers.get("X-User")
        return Principal(user_id, "teacher") if user_id else None


@pytest.fixture
async def processes(serve, turned_clock):
    """Two servers on one database, with one register and one clock."""
    register = Register()
    # The turned clock would take sockets for silent that answer real pings only.
    settings = {"clock": turned_clock, "websocket_silence": 3600}
    servers = [await serve(beside=[register], **settings) for _ in range(2)]
    for server in servers:
        server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    return register, servers


async def opened(server, person=None, **options):
    """A socket that takes part: the server has answered a frame."""
    socket = await server.socket(person, **options)
    assert await socket.drain() == []
    return socket


async def closed(socket):
    """Whether the socket ends as one whose credentials count no longer."""
    return await socket.receive() == UNAUTHORIZED and await socket.closed() == 1008


ENDINGS = {
    "refused": CredentialsRefusedError(),
    "another role": Identity(subject="1", role="student"),
    "disabled": Identity(subject="1", disabled=True),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_idle_sockets_of_all_processes_close(processes, turned_clock, ending):
    register, (here, there) = processes
    person, other = await here.person("teacher"), await here.person("teacher")
    sockets = [await opened(server, person) for server in (here, there)]
    staying = [await opened(server, other) for server in (here, there)]
    register.answers = {person.id: ENDINGS[ending], other.id: Identity(subject="2", name="Ada")}
    await turned_clock.advance(PERIOD - MINUTE)
    assert register.asked == []
    assert [await socket.drain() for socket in (*sockets, *staying)] == [[]] * 4
    await turned_clock.advance(MINUTE)
    assert [await closed(socket) for socket in sockets] == [True, True]
    assert [await socket.drain() for socket in staying] == [[], []]
    headers = {"X-User": other.id}
    assert (await there.api.get("/auth/me", headers=headers)).json()["data"]["name"] == "ada"


async def test_a_system_out_of_reach_closes_nothing_and_is_asked_again(
    processes, turned_clock, eventually
):
    register, (here, _) = processes
    person = await here.person("teacher")
    socket = await opened(here, person)
    register.answers = {person.id: SignInUnavailableError("down")}
    await turned_clock.advance(PERIOD)

    async def asked():
        return register.asked == [person.id]

    await eventually(asked)
    assert await socket.drain() == []
    register.answers = {person.id: CredentialsRefusedError()}
    await turned_clock.advance(MINUTE)
    assert await closed(socket)
    assert register.asked == [person.id] * 2


async def test_a_socket_with_credentials_of_another_kind_closes_too(processes, turned_clock):
    register, (here, _) = processes
    socket = await opened(here, path="/ws", additional_headers={"X-User": PROGRAM})
    register.answers = {PROGRAM: CredentialsRefusedError()}
    await turned_clock.advance(PERIOD)
    assert await closed(socket)


async def test_revoking_closes_sockets_with_credentials_of_another_kind(processes):
    _, (here, there) = processes
    person = await here.person("teacher")
    headers = {"additional_headers": {"X-User": person.id}}
    sockets = [await opened(server, path="/ws", **headers) for server in (here, there)]
    await core(here.app).services.get(UserService).revoke(person.id)
    assert [await closed(socket) for socket in sockets] == [True, True]
    again = await opened(there, path="/ws", **headers)
    assert (await again.ask("DONE"))["data"]["message"] == "No active attendance session"
