"""Tokens that run out while a socket is open, and fresh ones for it."""

from __future__ import annotations

import pytest

from quartapp.identity.tokens import Tokens
from quartapp.realtime.connection import LONGEST_WATCH_SECONDS
from quartapp.testing.servers import SECRET

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
INVALID = {"event": "ERROR", "data": {"message": "Invalid message format"}}
UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}


@pytest.fixture
async def server(serve, turned_clock):
    # Nobody is silent for so long that the tokens are not what ends a socket.
    return await serve(clock=turned_clock, websocket_silence=86_400)


@pytest.fixture
def short_token(turned_clock):
    """Return a function that makes a person's token for a number of seconds."""

    def make(person, seconds, **changes):
        given = {"user_id": person.id, "role": person.role, **changes}
        return Tokens(SECRET, lifetime=seconds, clock=turned_clock).issue(**given)

    return make


async def test_a_socket_ends_with_its_token(server, turned_clock, short_token):
    student = await server.person("student")
    socket = await server.socket(path=f"/ws?token={short_token(student, 30)}")
    await turned_clock.advance(29.9)
    assert await socket.ask("HELLO") == UNKNOWN
    await turned_clock.advance(0.1)
    assert await socket.closed() == 1008
    assert socket.history == [UNKNOWN, UNAUTHORIZED]


async def test_a_token_is_watched_for_longer_than_a_timer_runs(server, turned_clock, short_token):
    student = await server.person("student")
    socket = await server.socket(path=f"/ws?token={short_token(student, 3600)}")
    await turned_clock.advance(3599.9)
    assert await socket.ask("HELLO") == UNKNOWN
    await turned_clock.advance(0.1)
    assert await socket.closed() == 1008


async def test_fresh_token_keeps_the_socket_open_and_its_frames_handled(
    server, turned_clock, short_token
):
    student = await server.person("student")
    token = short_token(student, 30)
    ending = await server.socket(path=f"/ws?token={token}")
    socket = await server.socket(path=f"/ws?token={token}")
    answer = await socket.ask("AUTH", {"token": short_token(student, 3600)})
    assert answer["event"] == "AUTH"
    assert answer["data"]["expiresAt"].endswith("Z")
    await turned_clock.advance(30)
    assert await ending.closed() == 1008
    assert await socket.ask("HELLO") == UNKNOWN


async def test_last_token_counts_even_if_it_expires_earlier(server, turned_clock, short_token):
    student = await server.person("student")
    socket = await server.socket(student)
    await socket.ask("AUTH", {"token": short_token(student, 30)})
    await turned_clock.advance(30)
    assert await socket.closed() == 1008


async def test_only_a_good_token_of_the_same_person_is_taken(server, turned_clock, short_token):
    student, other = await server.people("student", 2)
    token = short_token(student, 30)
    socket = await server.socket(path=f"/ws?token={token}")
    bad = [
        other.token,
        short_token(student, 3600, role="teacher"),
        short_token(student, -1),
        Tokens("another secret of sufficient length").issue(student.id, "student"),
        "x",
        "",
    ]
    for refused in bad:
        assert await socket.ask("AUTH", {"token": refused}) == UNAUTHORIZED
    for shape in ({}, {"token": 1}, {"token": None}):
        assert await socket.ask("AUTH", shape) == INVALID
    await turned_clock.advance(30)
    assert await socket.closed() == 1008, "at its own token's end, all the same"


async def test_no_policy_gets_to_see_the_token(serve):
    from quartapp.hooks.specs import hookimpl

    seen = []

    class Policy:
        name = "policy"

        @hookimpl
        def authorize(self, principal, action, resource):
            seen.append((action, dict(resource)))

    server = await serve(beside=[Policy()])
    student = await server.person("student")
    socket = await server.socket(student)
    await socket.ask("AUTH", {"token": student.token, "other": 1})
    assert ("AUTH", {"other": 1}) in seen


async def test_a_timer_is_gone_with_its_socket(server, turned_clock, eventually):
    student = await server.person("student")
    sockets = [await server.socket(student) for _ in range(3)]
    for socket in sockets:
        await socket.ask("AUTH", {"token": student.token})
    assert turned_clock.waiting.count(LONGEST_WATCH_SECONDS) == 3
    for socket in sockets:
        await socket.close()

    async def none_is_left():
        return LONGEST_WATCH_SECONDS not in turned_clock.waiting

    await eventually(none_is_left)
