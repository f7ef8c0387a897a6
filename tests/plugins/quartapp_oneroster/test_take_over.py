"""Somebody registers the address of a person before the import that brings this person."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import Identity, core
from quartapp_auth import UserService
from tests.support.people import invited

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}


async def bring_in(school, roster, *options, status=0):
    return await asyncio.to_thread(school.bring_in, roster, *options, status=status)


def with_address(school, email):
    roster = school.small()
    roster.rows["users"][0]["email"] = email
    return roster


async def signs_in(server, person):
    body = {"email": person.email, "password": person.password}
    return (await server.api.post("/auth/login", json=body)).status_code


async def test_an_address_that_somebody_has_registered_is_reported_and_not_linked(school, serve):
    server = await serve()
    attacker = await server.person("teacher")
    result = await bring_in(school, with_address(school, attacker.email), status=3)
    assert (
        f"users.csv, line 2: the account of {attacker.email} was made neither by an import nor by "
        "an invitation to this address; --take-over links it, and drops its password and tokens\n"
    ) in result.stderr
    # Without its teacher, the class of the attacker's account does not come either.
    assert "5 rows rejected" in result.stderr
    answer = await server.api.get("/class", headers=attacker.headers)
    assert answer.json()["data"] == []
    found = await asyncio.to_thread(school.person, attacker.email)
    assert "sourcedId" not in found


async def test_a_takeover_ends_the_old_password_the_old_tokens_and_open_sockets(school, serve):
    here, there = await serve(), await serve()
    attacker = await here.person("teacher")
    sockets = [await server.socket(attacker) for server in (here, there)]
    assert [await socket.drain() for socket in sockets] == [[], []]
    roster = with_address(school, attacker.email)
    shown = await bring_in(school, roster, "--take-over", "--dry-run")
    told = f"~ teacher {attacker.email}: an account of this address is here; it loses its password"
    assert told in shown.stdout
    assert "1 accounts are taken over: their passwords and tokens end" in shown.stdout
    assert await signs_in(here, attacker) == 200

    await bring_in(school, roster, "--take-over")
    for socket in sockets:
        assert await socket.receive() == UNAUTHORIZED
        assert await socket.closed() == 1008
    for server in (here, there):
        assert await signs_in(server, attacker) == 400
        for method, path in (("GET", "/class"), ("POST", "/auth/refresh"), ("GET", "/auth/me")):
            answer = await server.api.request(method, path, headers=attacker.headers)
            assert answer.status_code == 401
        assert await (await server.socket(attacker)).closed() == 1008
    found = await asyncio.to_thread(school.person, attacker.email)
    assert (str(found["_id"]), found["sourcedId"]) == (attacker.id, "tea")
    assert "password" not in found

    # From now on the account is the teacher's, and no import takes it again.
    command = ("user", "set-password", attacker.email, "--password-stdin")
    await asyncio.to_thread(school.run, *command, stdin="the teacher's own\n")
    token = await here.sign_in(attacker.email, "the teacher's own")
    again = await bring_in(school, roster, "--take-over")
    assert "taken over" not in again.stdout
    headers = {"Authorization": f"Bearer {token}"}
    classes = await here.api.get("/class", headers=headers)
    assert [one["className"] for one in classes.json()["data"]] == ["Algebra"]


async def test_an_account_of_an_invitation_to_its_address_is_linked(school, serve):
    server = await serve()
    person = await invited(server, "teacher")
    await bring_in(school, with_address(school, person.email))
    assert await signs_in(server, person) == 200
    classes = await server.api.get("/class", headers=person.headers)
    assert [one["className"] for one in classes.json()["data"]] == ["Algebra"]


async def test_an_invitation_to_any_address_is_no_claim_to_one(school, serve):
    server = await serve()
    attacker = await invited(server, "teacher", to_address=False)
    result = await bring_in(school, with_address(school, attacker.email), status=3)
    assert f"the account of {attacker.email} was made neither by" in result.stderr


@pytest.mark.parametrize("verified", [True, False])
async def test_an_address_from_another_system_has_to_be_verified_there(school, serve, verified):
    server = await serve()
    users = core(server.app).services.get(UserService)
    identity = Identity(
        issuer="https://idp.example",
        subject="1815",
        email="tea@home.example",
        email_verified=verified,
        name="Tea",
        role="teacher",
    )
    made = await users.sign_in(identity)
    roster = with_address(school, made.email)
    await bring_in(school, roster, status=0 if verified else 3)
    found = await asyncio.to_thread(school.person, made.email)
    assert found.get("sourcedId") == ("tea" if verified else None)
    if not verified:
        await bring_in(school, roster, "--take-over")
        found = await asyncio.to_thread(school.person, made.email)
        assert (found["sourcedId"], found["ver"]) == ("tea", 1)
        # Whoever has this identity gets another account, or none.
        assert "issuer" not in found
        assert "subject" not in found


async def test_whose_address_is_verified_later_is_linked_then(school, serve):
    server = await serve()
    users = core(server.app).services.get(UserService)
    known = {"issuer": "https://idp.example", "subject": "1815", "name": "Tea", "role": "teacher"}
    made = await users.sign_in(Identity(**known, email="tea@home.example"))
    await users.sign_in(Identity(**known, email="tea@home.example", email_verified=True))
    await bring_in(school, with_address(school, made.email))
    assert (await asyncio.to_thread(school.account, "tea"))["_id"] == made.id


async def test_each_takeover_is_recorded_once(school, serve):
    server = await serve()
    attackers = [await server.person(role) for role in ("teacher", "student")]
    linked = await invited(server, "student")
    roster = school.small()
    for row, person in zip(roster.rows["users"], [*attackers, linked], strict=True):
        row["email"] = person.email
    for options in (("--take-over", "--dry-run"), ("--take-over",), ("--take-over",)):
        await bring_in(school, roster, *options)
    action = {"action": "oneroster.account-taken-over"}
    found = await server.documents["audit"].find(action).to_list()
    assert {e["about"]["account"] for e in found} == {one.id for one in attackers}
    told = [(e["way"], e["before"], e["after"]) for e in found]
    assert told == [("command", {"vouched": False}, {"vouched": True})] * 2
