"""Tokens and sockets end with the account, or with what the account was."""

from __future__ import annotations

import pytest
from bson import ObjectId

from quartapp import core
from quartapp_auth import AccountEntry, BulkAccounts, UserService, WrongPasswordError

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}


def service(server):
    return core(server.app).services.get(UserService)


async def status(server, person, path="/class"):
    return (await server.api.get(path, headers=person.headers)).status_code


async def imported(server, person, **changes):
    now = {"email": person.email, "display_name": "Ada", "role": person.role, "sourced_id": None}
    entry = AccountEntry(ObjectId(person.id), **{**now, **changes})
    await BulkAccounts(core(server.app).database).save([entry])


ENDINGS = {
    "disabled": lambda server, person: service(server).disable(person.id),
    "revoked": lambda server, person: service(server).revoke(person.id),
    "another role": lambda server, person: service(server).set_role(person.id, "student"),
    "another password": lambda server, person: service(server).set_password(person.email, "other!"),
    "disabled by an import": lambda server, person: imported(server, person, disabled=True),
    "another role by an import": lambda server, person: imported(server, person, role="student"),
    "deleted": lambda server, person: server.documents["users"].delete_one(
        {"_id": ObjectId(person.id)}
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_requests_and_sockets_of_another_process_end(serve, eventually, ending):
    here, there = await serve(), await serve()
    person, other = await here.person("teacher"), await here.person("teacher")
    socket, staying = await there.socket(person), await there.socket(other)
    assert await status(there, person) == 200
    await ENDINGS[ending](here, person)
    assert await socket.receive() == UNAUTHORIZED
    assert await socket.closed() == 1008
    assert await status(there, person) == 401
    expected = 404 if ending == "deleted" else 401
    assert await status(there, person, "/auth/me") == expected

    async def ended_here_too():
        return await status(here, person) == 401

    await eventually(ended_here_too)
    assert await status(there, other) == 200
    assert await staying.drain() == []


async def test_a_new_name_by_an_import_ends_nothing(server):
    person = await server.person("teacher")
    await imported(server, person, display_name="$ada")
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "$ada")


async def test_person_who_signs_in_again_is_accepted(server):
    person = await server.person("teacher")
    await service(server).revoke(person.id)
    token = await server.sign_in(person.email, person.password)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await server.api.get("/class", headers=headers)).status_code == 200


async def test_the_disabled_get_no_token_until_they_are_enabled(server):
    person = await server.person("teacher")
    user = await service(server).disable(person.id)
    with pytest.raises(WrongPasswordError):
        await service(server).issue_token(user)
    body = {"email": person.email, "password": person.password}
    assert (await server.api.post("/auth/login", json=body)).status_code == 400
    await service(server).enable(person.id)
    assert (await server.api.post("/auth/login", json=body)).status_code == 200


async def test_a_fresh_token_for_a_valid_one(server):
    person = await server.person("teacher")
    answer = await server.api.post("/auth/refresh", headers=person.headers)
    token = answer.json()["data"]["token"]
    assert answer.status_code == 200
    assert token != person.token
    socket = await server.socket(person)
    assert (await socket.ask("AUTH", {"token": token}))["event"] == "AUTH"
    await service(server).revoke(person.id)
    answer = await server.api.post("/auth/refresh", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401


async def test_tokens_live_as_long_as_the_setting_says(serve, turned_clock):
    server = await serve(clock=turned_clock, token_hours=1)
    server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    person = await server.person("teacher")
    await turned_clock.advance(3599)
    assert await status(server, person) == 200
    await turned_clock.advance(1)
    assert await status(server, person) == 401
