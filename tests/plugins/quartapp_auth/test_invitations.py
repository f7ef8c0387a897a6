"""Invitations: one account each, for a role, for seven days."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid

import pytest

SETTING = "QUARTAPP_AUTH_REGISTRATION"
BY_INVITATION = "Forbidden, registration is by invitation"
PASSWORD = "difference-engine"
WEEK = 7 * 24 * 3600


def data_of(answer):
    assert answer.is_success, answer.text
    return answer.json()["data"]


@pytest.fixture
async def server(serve, monkeypatch):
    monkeypatch.setenv(SETTING, "invite")
    return await serve()


async def invited(server, **body):
    """Let an administrator invite; return what the API tells."""
    admin = await server.person("admin")
    path = "/admin/invitations"
    return data_of(await server.api.post(path, json=body, headers=admin.headers))


async def register(server, invitation, **fields):
    email = f"{uuid.uuid4().hex}@example.org"
    body = {"name": "Ada", "email": email, "password": PASSWORD, "invitation": invitation}
    answer = await server.api.post("/auth/register", json={**body, **fields})
    return answer.status_code, answer.json().get("error")


async def test_of_twenty_people_with_one_invitation_exactly_one_registers(server):
    made = await invited(server, role="teacher")
    answers = await asyncio.gather(*(register(server, made["invitation"]) for _ in range(20)))
    assert sorted(answers, key=str) == [(201, None)] + [(403, BY_INVITATION)] * 19
    assert await server.documents["users"].count_documents({"role": "teacher"}) == 1


async def test_of_twenty_registrations_of_one_address_with_one_invitation_one_succeeds(server):
    made = await invited(server, role="teacher")
    answers = await asyncio.gather(
        *(register(server, made["invitation"], email="ada@example.org") for _ in range(20))
    )
    assert [status for status, _ in answers].count(201) == 1
    assert {status for status, _ in answers} == {201, 403}
    # Those who came late have not freed the invitation.
    assert await register(server, made["invitation"]) == (403, BY_INVITATION)


async def test_an_invitation_is_stored_as_a_hash_alone(server):
    secret = (await invited(server, role="teacher"))["invitation"]
    assert re.fullmatch(r"[\w-]{22}", secret)
    (stored,) = await server.documents["invitations"].find({}).to_list()
    assert secret not in str(stored)
    assert stored["hash"] == hashlib.sha256(secret.encode()).hexdigest()


async def test_an_invitation_ends_after_seven_days(serve, monkeypatch, turned_clock):
    monkeypatch.setenv(SETTING, "invite")
    server = await serve(clock=turned_clock)
    early, late = [await invited(server, role="student") for _ in range(2)]
    # The date is set ahead: nobody has to wait for all looks at the database that a week has.
    turned_clock._began += WEEK - 60
    assert await register(server, early["invitation"]) == (201, None)
    turned_clock._began += 60
    assert await register(server, late["invitation"]) == (403, BY_INVITATION)


async def test_a_taken_address_does_not_use_an_invitation_up(server):
    made = await invited(server, role="student")
    other = await server.person("student")
    taken = await register(server, made["invitation"], email=other.email)
    assert taken == (403, "Email already exists")
    assert await register(server, made["invitation"]) == (201, None)


async def test_who_lost_the_answer_gets_it_again(server):
    made = await invited(server, role="student")
    body = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD}
    body["invitation"] = made["invitation"]
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [
        await server.api.post("/auth/register", json=body, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content


async def test_a_used_invitation_names_its_account(server):
    made = await invited(server, role="student")
    assert await register(server, made["invitation"], email="ada@example.org") == (201, None)
    admin = await server.person("admin")
    (listed,) = data_of(await server.api.get("/admin/invitations", headers=admin.headers))
    account = await server.documents["users"].find_one({"email": "ada@example.org"})
    assert (listed["usedBy"], listed["role"]) == (str(account["_id"]), "student")
    assert listed["usedAt"] is not None
    assert "invitation" not in listed


async def test_invitations_are_listed_page_by_page(server):
    made = [(await invited(server, role="student"))["_id"] for _ in range(5)]
    admin, found, query = await server.person("admin"), [], {"limit": 2}
    path = "/admin/invitations"
    while page := data_of(await server.api.get(path, params=query, headers=admin.headers)):
        found += [one["_id"] for one in page]
        query["after"] = found[-1]
    assert found == made[::-1]


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_only_administrators_invite(server, role):
    person = await server.person(role)
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", f"/{person.id}")):
        answer = await server.api.request(
            method, f"/admin/invitations{path}", headers=person.headers, json={"role": "admin"}
        )
        assert answer.status_code == 403
        assert answer.json()["error"] == "Forbidden, admin access required"


async def test_an_invitation_makes_an_administrator(server):
    made = await invited(server, role="admin")
    assert await register(server, made["invitation"], email="ada@example.org") == (201, None)
    token = await server.sign_in("ada@example.org", PASSWORD)
    headers = {"Authorization": f"Bearer {token}"}
    assert data_of(await server.api.get("/auth/me", headers=headers))["role"] == "admin"
    assert (await server.api.get("/admin/invitations", headers=headers)).status_code == 200


async def test_nobody_registers_on_a_closed_server_with_an_earlier_invitation(serve, monkeypatch):
    monkeypatch.setenv(SETTING, "invite")
    made = await invited(await serve(), role="student")
    monkeypatch.setenv(SETTING, "closed")
    closed = await serve()
    refusal = (403, "Forbidden, registration is closed")
    assert await register(closed, made["invitation"]) == refusal


async def test_the_command_invites_beside_a_running_server(serve_process, run_cli):
    process = await serve_process(**{SETTING: "invite"})
    given = ("--role", "teacher", "--data-dir", "data")
    status, output, errors = await run_cli("invite", " Ada@Example.ORG", *given)
    assert (status, errors) == (0, "")
    told = dict(line.split(": ", 1) for line in output.splitlines())
    assert (told["role"], told["address"]) == ("teacher", "ada@example.org")
    assert told["invitation"] in told["to register, send"]
    secret = told["invitation"]
    assert await register(process.client, secret) == (403, BY_INVITATION)
    assert await register(process.client, secret, email="ada@example.org") == (201, None)


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("ada", "--role", "teacher"), {}, "ada is no address"),
        (("--role", "wizard"), {}, "there is no role wizard"),
        (("--role", "teacher"), {SETTING: "closed"}, "registration is closed"),
    ],
    ids=["address", "role", "closed"],
)
async def test_a_mistake_in_the_command_is_told_in_one_sentence(
    run_cli, mongodb_uri, arguments, environment, said
):
    status, output, errors = await run_cli(
        "invite", *arguments, MONGODB_URI=mongodb_uri, **environment
    )
    assert (status, output) == (2, "")
    assert said in errors
    assert len(errors.strip().splitlines()) == 1
