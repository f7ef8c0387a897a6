"""Signing out ends one token or all tokens of an account, with their sockets, in every process."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import jwt
import pytest

from quartapp import core
from quartapp.testing.servers import SECRET
from quartapp_auth.signing_in.sign_out import MOST_ENDED_TOKENS
from tests.support.failing_commands import OPTIONS, STREAM, fail

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
ENDED = (401, "Unauthorized, token missing or invalid")


def signed_in(token):
    return SimpleNamespace(token=token, headers={"Authorization": f"Bearer {token}"})


async def another_token(server, person):
    return signed_in(await server.sign_in(person.email, person.password))


async def post(server, path, one):
    answer = await server.api.post(f"/auth/{path}", headers=one.headers)
    body = answer.json()
    return answer.status_code, body.get("error") or body["data"]


async def is_welcome(server, one):
    return (await server.api.get("/auth/me", headers=one.headers)).status_code == 200


async def closed(socket):
    return await socket.receive() == UNAUTHORIZED and await socket.closed() == 1008


async def taking_part(server, one):
    socket = await server.socket(one)
    assert await socket.drain() == []
    return socket


async def test_logout_ends_one_token_and_its_sockets_in_every_process(serve, eventually):
    here, there = await serve(), await serve()
    person, other = await here.person("teacher"), await here.person("teacher")
    second = await another_token(there, person)
    ending = [await taking_part(server, person) for server in (here, there)]
    staying = [await taking_part(there, one) for one in (second, other)]
    assert await post(here, "logout", person) == (200, {"message": "Signed out"})
    assert await post(here, "logout", person) == ENDED
    assert await asyncio.gather(*map(closed, ending)) == [True, True]
    # The process has heard of it, as the socket shows.
    assert not await is_welcome(there, person)
    refused = await there.socket(person)
    assert await closed(refused)
    renewing = await taking_part(there, second)
    assert await renewing.ask("AUTH", {"token": person.token}) == UNAUTHORIZED
    for one in (second, other):
        assert await is_welcome(here, one)
        assert await is_welcome(there, one)
    assert [await socket.drain() for socket in staying] == [[], []]


async def test_logout_all_ends_every_token_of_the_account_and_no_other(serve):
    here, there = await serve(), await serve()
    person, other = await here.person("student"), await here.person("student")
    second = await another_token(here, person)
    sockets = [await taking_part(there, one) for one in (person, second)]
    staying = await taking_part(there, other)
    assert await post(here, "logout-all", person) == (200, {"message": "Signed out"})
    assert await post(here, "logout-all", second) == ENDED
    assert await asyncio.gather(*map(closed, sockets)) == [True, True]
    assert not await is_welcome(there, second)
    assert await staying.drain() == []
    assert await is_welcome(here, await another_token(here, person))


async def test_socket_with_a_fresh_token_outlives_the_token_before(server):
    person = await server.person("student")
    fresh = await another_token(server, person)
    socket, ending = await taking_part(server, person), await taking_part(server, person)
    assert (await socket.ask("AUTH", {"token": fresh.token}))["event"] == "AUTH"
    assert await post(server, "logout", person) == (200, {"message": "Signed out"})
    assert await closed(ending)
    assert await socket.drain() == []
    assert await post(server, "logout", fresh) == (200, {"message": "Signed out"})
    assert await closed(socket)


async def test_ended_token_is_refused_while_the_stream_is_cut(own_mongod, serve, turned_clock):
    mongod = own_mongod(*OPTIONS)
    here = await serve(mongodb_uri=mongod.uri)
    there = await serve(mongodb_uri=mongod.uri, clock=turned_clock)
    person, other = await here.person("teacher"), await here.person("teacher")
    assert await is_welcome(there, person)
    fail(mongod, "users", *STREAM)
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 2, 2):
        await turned_clock.asked(pause)
        await turned_clock.advance(pause)
    await turned_clock.asked(2)
    assert await post(here, "logout", person) == (200, {"message": "Signed out"})
    assert not await is_welcome(there, person)
    assert await is_welcome(there, other)


async def test_tokens_of_earlier_versions_can_be_ended(server):
    person = await server.person("student")
    claims = jwt.decode(person.token, SECRET, algorithms=["HS256"])
    del claims["jti"]
    earlier = signed_in(jwt.encode(claims, SECRET, algorithm="HS256"))
    claims["exp"] += 1
    later = signed_in(jwt.encode(claims, SECRET, algorithm="HS256"))
    assert await post(server, "logout", earlier) == (200, {"message": "Signed out"})
    assert not await is_welcome(server, earlier)
    assert await is_welcome(server, later)
    assert await is_welcome(server, person)


async def test_names_of_tokens_are_kept_until_the_tokens_run_out(serve, turned_clock):
    server = await serve(clock=turned_clock, token_hours=1)
    server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    person = await server.person("student")

    async def names():
        stored = await server.documents["users"].find_one({"email": person.email})
        return [token["name"] for token in stored["endedTokens"]]

    first, second = person, await another_token(server, person)
    assert await post(server, "logout", first) == (200, {"message": "Signed out"})
    assert await post(server, "logout", second) == (200, {"message": "Signed out"})
    kept = await names()
    assert len(kept) == 2
    await turned_clock.advance(3600)
    third = await another_token(server, person)
    assert await post(server, "logout", third) == (200, {"message": "Signed out"})
    assert len(await names()) == 1
    assert not set(await names()) & set(kept)
    await post(server, "logout-all", await another_token(server, person))
    stored = await server.documents["users"].find_one({"email": person.email})
    assert "endedTokens" not in stored


async def test_account_keeps_a_bounded_number_of_ended_tokens(server):
    person = await server.person("student")
    tokens = core(server.app).tokens
    for _ in range(MOST_ENDED_TOKENS):
        one = signed_in(tokens.issue(person.id, "student"))
        assert await post(server, "logout", one) == (200, {"message": "Signed out"})
    assert await is_welcome(server, person)
    last = signed_in(tokens.issue(person.id, "student"))
    assert await post(server, "logout", last) == (200, {"message": "Signed out"})
    assert not await is_welcome(server, person)
    assert not await is_welcome(server, one)
    assert await is_welcome(server, await another_token(server, person))


@pytest.mark.parametrize("path", ["logout", "logout-all"])
async def test_cookie_is_cleared_with_its_token(server, path):
    person = await server.person("student")
    cookie = f"quartapp_session={person.token}"
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    forged = await server.api.post(f"/auth/{path}", headers={"Cookie": cookie})
    assert forged.status_code == 403
    assert await is_welcome(server, person)
    answer = await server.api.post(f"/auth/{path}", headers=headers, json={})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Set-Cookie"].startswith("quartapp_session=;")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert not await is_welcome(server, person)
