"""What the audit records of accounts, and what it never has."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quartapp import core
from quartapp.audit.form import GENESIS, digest
from quartapp_auth.credentials.resets import Resets
from quartapp_auth.registering.invitations import Invitations
from quartapp_auth.service import UserService

PASSWORD = "correct-horse-1"
EMAIL = "ada@example.org"
NAME = "Ada Lovelace"
HOURS = 3600
PERSON = {"name": NAME, "email": EMAIL, "password": PASSWORD, "role": "teacher"}


@pytest.fixture
def told():
    """Return a function that reads the entries about accounts, after the first ones."""

    async def read(server, after=0):
        found = server.documents["audit"].find({"action": {"$regex": "^auth[.]"}})
        return (await found.sort([("day", 1), ("number", 1)]).to_list())[after:]

    return read


async def registered(server):
    answer = await server.api.post("/auth/register", json=PERSON)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["_id"]


async def sign_in(server, email=EMAIL, password=PASSWORD):
    return await server.api.post("/auth/login", json={"email": email, "password": password})


async def test_registration_and_sign_in_are_recorded(server, told):
    key = await registered(server)
    assert (await sign_in(server)).status_code == 200
    made, signed_in = await told(server)
    assert (made["action"], made["who"]) == ("auth.registered", None)
    assert (made["about"], made["after"]) == ({"account": key}, {"role": "teacher"})
    assert (signed_in["action"], signed_in["who"]) == ("auth.signed-in", key)
    assert signed_in["about"] == {"account": key}
    assert {(e["way"], e["network"]) for e in (made, signed_in)} == {("client", "127.0.0.0/24")}


async def test_failed_sign_in_is_recorded_without_the_name_that_was_tried(server, told):
    key = await registered(server)
    assert (await sign_in(server, password="wrong-horse-1")).status_code == 400
    assert (await sign_in(server, email="nobody@example.org")).status_code == 404
    wrong, unknown = await told(server, after=1)
    assert {wrong["action"], unknown["action"]} == {"auth.sign-in-failed"}
    assert [e["about"] for e in (wrong, unknown)] == [{"account": key}, {"account": None}]
    assert [e["who"] for e in (wrong, unknown)] == [None, None]


async def test_signing_out_is_recorded(server, told):
    person = await server.person("student")
    before = len(await told(server))
    assert (await server.api.post("/auth/logout", headers=person.headers)).status_code == 200
    person = await server.person("student")
    answer = await server.api.post("/auth/logout-all", headers=person.headers)
    assert answer.status_code == 200
    out = [e for e in await told(server, after=before) if e["action"] == "auth.signed-out"]
    assert [e["after"]["everywhere"] for e in out] == [False, True]
    assert out[1]["who"] == out[1]["about"]["account"] == person.id


async def test_changes_of_an_account_are_recorded_with_what_was_before(server, told):
    key = await registered(server)
    users = core(server.app).services.get(UserService)
    before = len(await told(server))
    await users.set_role(key, "student")
    await users.set_password(EMAIL, "another-horse-1")
    await users.disable(key)
    await users.enable(key)
    await users.revoke(key)
    entries = await told(server, after=before)
    assert [e["action"].partition(".")[2] for e in entries] == [
        *("role-changed", "password-changed", "disabled", "enabled", "revoked"),
    ]
    assert (entries[0]["before"], entries[0]["after"]) == ({"role": "teacher"}, {"role": "student"})
    assert {e["about"]["account"] for e in entries} == {key}


async def test_invitations_are_recorded_with_who_made_them(server, told):
    admin = await server.person("admin")
    before = len(await told(server))
    made = []
    for _ in range(2):
        answer = await server.api.post(
            "/admin/invitations", json={"role": "teacher"}, headers=admin.headers
        )
        made.append(answer.json()["data"])
    answer = await server.api.post(
        "/auth/register", json={**PERSON, "invitation": made[0]["invitation"]}
    )
    assert answer.status_code == 201, answer.text
    path = f"/admin/invitations/{made[1]['_id']}"
    assert (await server.api.delete(path, headers=admin.headers)).status_code == 200
    invited, _, _, used, revoked = await told(server, after=before)
    assert (invited["action"], invited["who"]) == ("auth.invited", admin.id)
    account = answer.json()["data"]["_id"]
    assert used["about"] == {"invitation": made[0]["_id"], "account": account}
    assert (revoked["action"], revoked["who"]) == ("auth.invitation-revoked", admin.id)
    assert revoked["about"] == {"invitation": made[1]["_id"]}


async def test_codes_to_set_a_password_are_recorded_with_the_code_that_each_ends(server, told):
    admin, person = await server.person("admin"), await server.person("student")
    before = len(await told(server))
    made = []
    for _ in range(2):
        path = f"/admin/people/{person.id}/reset"
        answer = await server.api.post(path, headers=admin.headers)
        made.append(answer.json()["data"])
    first, second = entries = await told(server, after=before)
    assert {e["action"] for e in entries} == {"auth.reset-code-made"}
    assert {(e["who"], e["about"]["account"]) for e in entries} == {(admin.id, person.id)}
    ends = [one["expiresAt"] for one in made]
    assert (first["before"], first["after"]) == ({"until": None}, {"until": ends[0]})
    assert (second["before"], second["after"]) == ({"until": ends[0]}, {"until": ends[1]})
    for one in made:
        assert one["code"] not in str(entries)
        assert one["code"].replace("-", "") not in str(entries)


async def test_code_that_has_ended_is_not_recorded_as_replaced(serve, turned_clock, told):
    server = await serve(clock=turned_clock)
    resets = core(server.app).services.get(Resets)
    person = await server.person("student")
    before = len(await told(server))
    await resets.make(person.id)
    await turned_clock.advance(4 * HOURS)
    await resets.make(person.id)
    await core(server.app).services.get(UserService).revoke(person.id)
    await resets.make(person.id)
    codes = [e for e in await told(server, after=before) if e["action"] == "auth.reset-code-made"]
    assert [e["before"]["until"] for e in codes] == [None, None, None]


async def test_refused_registration_leaves_no_entry(server, told):
    await registered(server)
    before = len(await told(server))
    assert (await server.api.post("/auth/register", json=PERSON)).status_code == 403
    assert len(await told(server)) == before


async def test_what_the_server_does_itself_has_no_client(server, told):
    invitations = core(server.app).services.get(Invitations)
    await invitations.make("teacher")
    (entry,) = await told(server)
    assert (entry["way"], entry["who"], entry["network"]) == ("server", None, None)


async def test_administrators_read_the_chain_in_pages_and_can_verify_it(server):
    admin = await server.person("admin")
    teacher = await server.person("teacher")

    async def page(**query):
        answer = await server.api.get("/admin/audit", params=query, headers=admin.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    found = await page(limit=2)
    while following := await page(limit=2, after=found[-1]["_id"].upper()):
        found += following
    assert len(found) == await server.documents["audit"].count_documents({})
    for entry, before in pairwise(found):
        assert entry["previous"] == before["hash"]
    assert all(digest(entry) == entry["hash"] for entry in found)
    assert found[-1]["previous"] == GENESIS
    (own,) = [
        one
        for one in found
        if one["action"] == "auth.registered" and one["about"]["account"] == teacher.id
    ]
    assert {one["action"] for one in await page(action=own["action"])} == {own["action"]}
    assert await page(day="1970-01-01") == []
    for person in (teacher, await server.person("student")):
        assert (await server.api.get("/admin/audit", headers=person.headers)).status_code == 403
