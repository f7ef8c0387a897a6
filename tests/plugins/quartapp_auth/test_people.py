"""Administrators find people and change their accounts; one administrator always stays."""

from __future__ import annotations

import asyncio
import json

import pytest

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
STAYS = (409, "the server needs another administrator first")
PASSWORD = "difference-engine"


async def ask(server, admin, method, path="", **options):
    answer = await server.api.request(
        method, f"/admin/people{path}", headers=admin.headers, **options
    )
    body = answer.json()
    return answer.status_code, body.get("error") or body["data"]


async def is_welcome(server, one):
    return (await server.api.get("/auth/me", headers=one.headers)).status_code == 200


async def taking_part(server, one):
    socket = await server.socket(one)
    assert await socket.drain() == []
    return socket


async def closed(socket):
    return await socket.receive() == UNAUTHORIZED and await socket.closed() == 1008


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/disable", None),
        ("PUT", "/role", {"role": "student"}),
        ("PUT", "/password", {"password": PASSWORD}),
        ("POST", "/revoke", None),
    ],
    ids=["disable", "role", "password", "revoke"],
)
async def test_a_change_ends_tokens_and_sockets_in_every_process_before_the_answer(
    serve, method, path, body
):
    here, there = await serve(), await serve()
    admin, person = await here.person("admin"), await here.person("teacher")
    other = await here.person("teacher")
    ending = [await taking_part(server, person) for server in (here, there)]
    staying = await taking_part(there, other)
    status, told = await ask(here, admin, method, f"/{person.id}{path}", json=body)
    assert (status, told["_id"]) == (200, person.id)
    assert not await is_welcome(here, person)
    assert await asyncio.gather(*map(closed, ending)) == [True, True]
    assert not await is_welcome(there, person)
    assert await staying.drain() == []
    assert await is_welcome(there, other)


async def test_a_disabled_person_signs_in_again_once_enabled(server):
    admin, person = await server.person("admin"), await server.person("student")
    credentials = {"email": person.email, "password": person.password}
    for change, status in (("disable", 400), ("enable", 200)):
        told = (await ask(server, admin, "POST", f"/{person.id}/{change}"))[1]
        assert told["disabled"] is (change == "disable")
        assert (await server.api.post("/auth/login", json=credentials)).status_code == status


async def test_a_new_password_replaces_the_old_one(server):
    admin, person = await server.person("admin"), await server.person("student")
    await ask(server, admin, "PUT", f"/{person.id}/password", json={"password": PASSWORD})
    old = {"email": person.email, "password": person.password}
    assert (await server.api.post("/auth/login", json=old)).status_code == 400
    assert await server.sign_in(person.email, PASSWORD)


async def test_an_account_without_a_password_is_signed_in_to_once_it_has_one(server):
    admin = await server.person("admin")
    body = {"name": "Grace Hopper", "username": "Grace.H", "role": "teacher"}
    status, made = await ask(server, admin, "POST", json=body)
    assert status == 201
    for password in (PASSWORD, " "):
        given = {"username": "grace.h", "password": password}
        assert (await server.api.post("/auth/login", json=given)).status_code == 400
    await ask(server, admin, "PUT", f"/{made['_id']}/password", json={"password": PASSWORD})
    given = {"username": "grace.h", "password": PASSWORD}
    assert (await server.api.post("/auth/login", json=given)).status_code == 200
    assert await ask(server, admin, "POST", json=body) == (409, "address or username is taken")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/disable", None), ("PUT", "/role", {"role": "teacher"})],
    ids=["disable", "role"],
)
async def test_the_last_administrator_stays_one(server, method, path, body):
    admin, other = await server.person("admin"), await server.person("admin")
    await ask(server, admin, "POST", f"/{other.id}/disable")
    assert await ask(server, admin, method, f"/{admin.id}{path}", json=body) == STAYS
    assert await is_welcome(server, admin)
    await ask(server, admin, "POST", f"/{other.id}/enable")
    status, _ = await ask(server, admin, method, f"/{admin.id}{path}", json=body)
    assert status == 200
    assert not await is_welcome(server, admin)


async def test_administrators_who_disable_each_other_at_once_leave_one(serve):
    here, there = await serve(), await serve()
    for _ in range(5):
        one, other = await here.person("admin"), await here.person("admin")
        await here.documents["users"].update_many(
            {"role": "admin", "email": {"$nin": [one.email, other.email]}},
            {"$set": {"role": "student"}},
        )
        await asyncio.gather(
            here.api.post(f"/admin/people/{other.id}/disable", headers=one.headers),
            there.api.post(f"/admin/people/{one.id}/disable", headers=other.headers),
        )
        left = {"role": "admin", "disabled": {"$ne": True}}
        assert await here.documents["users"].count_documents(left) >= 1


async def test_people_are_found_by_name_address_username_and_role(server):
    admin = await server.person("admin")
    bodies = [
        {"name": "Émilie du Châtelet", "email": "emilie@school.example", "role": "teacher"},
        {"name": "Grace Hopper", "username": "Amazing", "role": "student"},
        {"name": "Ada Lovelace", "email": "ada@school.example", "role": "student"},
    ]
    for body in bodies:
        assert (await ask(server, admin, "POST", json=body))[0] == 201

    async def found(**query):
        status, people = await ask(server, admin, "GET", params=query)
        assert status == 200
        return [one["displayName"].split()[0] for one in people]

    assert await found(search="chatel") == ["Émilie"]
    assert await found(search="EMILIE@") == ["Émilie"]
    assert await found(search="amaz") == ["Grace"]
    assert await found(search="a", role="student") == ["Grace", "Ada"]
    assert await found(role="teacher") == ["Émilie"]
    assert await found(search=".*") == []
    assert await found(search="\0") == []


async def test_people_are_listed_page_by_page_and_without_secrets(server):
    admin = await server.person("admin")
    made = {(await server.person("student")).id for _ in range(4)} | {admin.id}
    found, query = [], {"limit": 2}
    while page := (await ask(server, admin, "GET", params=query))[1]:
        found += page
        query["after"] = page[-1]["_id"]
    assert {one["_id"] for one in found} == made
    assert len(found) == len(made)
    assert "$2b$" not in str(found)


async def test_whose_address_is_vouched_for(server, monkeypatch):
    admin, stranger = await server.person("admin"), await server.person("teacher")

    async def vouched(user_id):
        return (await ask(server, admin, "GET", f"/{user_id}"))[1]["vouched"]

    async def invited(**body):
        answer = await server.api.post("/admin/invitations", json=body, headers=admin.headers)
        account = {"name": "Ada", "password": PASSWORD, "email": f"{len(body)}@school.example"}
        account["invitation"] = answer.json()["data"]["invitation"]
        made = await server.api.post("/auth/register", json=account)
        return made.json()["data"]["_id"]

    assert not await vouched(stranger.id)
    # Whoever has an invitation for any address may have typed somebody else's.
    assert not await vouched(await invited(role="teacher"))
    assert await vouched(await invited(role="teacher", email="2@school.example"))


ODD = ("\0", "abcd\0efgh", "$where", ".*", "x" * 100_000, "\ud800", "", None, 7, {})


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text)[:20])
async def test_odd_texts_are_taken_or_refused_and_never_a_fault(server, text):
    admin, person = await server.person("admin"), await server.person("student")
    headers = {**admin.headers, "Content-Type": "application/json"}
    good = {"name": "Ada", "username": "ada", "role": "teacher", "password": PASSWORD}
    for field in (*good, "email"):
        content = json.dumps({**good, field: text})
        answer = await server.api.post("/admin/people", content=content, headers=headers)
        assert answer.status_code in (201, 400, 409, 413)
    for what in ("role", "password"):
        path = f"/admin/people/{person.id}/{what}"
        answer = await server.api.put(path, content=json.dumps({what: text}), headers=headers)
        assert answer.status_code in (200, 400, 413)
    if isinstance(text, str) and text != "\ud800":
        for name in ("search", "role", "limit", "after"):
            status, _ = await ask(server, admin, "GET", params={name: text[:5_000]})
            assert status in (200, 400)


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_only_administrators_manage_people(server, role):
    person, other = await server.person(role), await server.person("student")
    refused = (403, "Forbidden, admin access required")
    for method, path in (
        *(("GET", ""), ("POST", ""), ("GET", f"/{other.id}")),
        *(("POST", f"/{other.id}/{what}") for what in ("disable", "enable", "revoke")),
        *(("PUT", f"/{other.id}/{what}") for what in ("role", "password")),
    ):
        body = {"role": "admin", "password": PASSWORD, "name": "X", "username": "x"}
        json = None if method == "GET" else body
        assert await ask(server, person, method, path, json=json) == refused
    assert await is_welcome(server, other)
