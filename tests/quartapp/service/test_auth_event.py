"""Tokens that run out while a socket is open, and fresh ones for it."""

from __future__ import annotations

import asyncio
import time

from quartapp.identity.tokens import Tokens
from quartapp.testing.servers import SECRET

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
INVALID = {"event": "ERROR", "data": {"message": "Invalid message format"}}
UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}


def short_token(person, seconds, **changes):
    given = {"user_id": person.id, "role": person.role, **changes}
    return Tokens(SECRET, lifetime=seconds).issue(**given)


async def test_a_socket_ends_with_its_token(server):
    student = await server.person("student")
    token = short_token(student, 2)
    expires = Tokens(SECRET).verify(token).expires_at
    socket = await server.socket(path=f"/ws?token={token}")
    assert await socket.closed() == 1008
    assert 0 <= time.time() - expires < 1
    assert socket.history == [UNAUTHORIZED]


async def test_a_fresh_token_keeps_it_open_and_what_comes_is_still_handled(server):
    student = await server.person("student")
    token = short_token(student, 2)
    ending = await server.socket(path=f"/ws?token={token}")
    socket = await server.socket(path=f"/ws?token={token}")
    answer = await socket.ask("AUTH", {"token": short_token(student, 3600)})
    assert answer["event"] == "AUTH"
    assert answer["data"]["expiresAt"].endswith("Z")
    assert await ending.closed() == 1008
    assert await socket.ask("HELLO") == UNKNOWN


async def test_the_last_token_counts_also_when_it_is_shorter(server):
    student = await server.person("student")
    socket = await server.socket(student)
    await socket.ask("AUTH", {"token": short_token(student, 1)})
    began = time.monotonic()
    assert await socket.closed() == 1008
    assert time.monotonic() - began < 3


async def test_only_a_good_token_of_the_same_person_is_taken(server):
    student, other = await server.people("student", 2)
    token = short_token(student, 3)
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


async def test_a_timer_is_gone_with_its_socket(server, eventually):
    student = await server.person("student")
    loop = asyncio.get_running_loop()

    def timers():
        return [
            handle
            for handle in loop._scheduled
            if "watch_expiry" in repr(handle) and not handle.cancelled()
        ]

    sockets = [await server.socket(student) for _ in range(3)]
    for socket in sockets:
        await socket.ask("AUTH", {"token": student.token})
    assert len(timers()) == 3
    for socket in sockets:
        await socket.close()

    async def none_is_left():
        return not timers()

    await eventually(none_is_left)
