"""People of another system, and the accounts they have here."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import CredentialsRefusedError, Identity, SignInUnavailableError, core, hookimpl
from quartapp_auth import IdentityRefusedError, UserService

ISSUER = "https://idp.example"
ADA = {"issuer": ISSUER, "subject": "1815", "email": "Ada@example.org", "email_verified": True}
NEW = {"name": "Ada", "role": "teacher"}


@pytest.fixture
def users(server):
    return core(server.app).services.get(UserService)


async def me(server, token):
    return await server.api.get("/auth/me", headers={"Authorization": f"Bearer {token}"})


async def test_twelve_first_sign_ins_at_once_make_one_account(server, users):
    made = await asyncio.gather(*(users.sign_in(Identity(**ADA, **NEW)) for _ in range(12)))
    assert len({user.id for user in made}) == 1
    assert await server.documents["users"].count_documents({}) == 1


async def test_an_account_follows_the_subject_and_not_the_address(users):
    first = await users.sign_in(Identity(**ADA, **NEW))
    changed = {**ADA, "email": "lovelace@example.org"}
    second = await users.sign_in(Identity(**changed, name="Ada King", role="student"))
    assert second.id == first.id
    assert (second.email, second.display_name) == ("lovelace@example.org", "Ada King")
    assert (second.role, second.ver) == ("student", first.ver + 1)


async def test_an_address_that_is_not_verified_leads_to_no_account(server, users):
    person = await server.person("teacher")
    identity = Identity(issuer=ISSUER, subject="1", email=person.email, **NEW)
    with pytest.raises(IdentityRefusedError, match="has not verified the address"):
        await users.sign_in(identity)
    assert (await me(server, person.token)).status_code == 200


async def test_a_verified_address_takes_the_account_and_ends_its_password_and_tokens(
    server, users, eventually
):
    squatter = await server.person("teacher")
    identity = Identity(**{**ADA, "email": squatter.email}, name="Ada", role="teacher")
    user = await users.sign_in(identity)
    assert str(user.id) == squatter.id
    body = {"email": squatter.email, "password": squatter.password}
    assert (await server.api.post("/auth/login", json=body)).status_code == 400

    async def ended():
        return (await me(server, squatter.token)).status_code == 401

    await eventually(ended)
    assert (await me(server, await users.issue_token(user))).status_code == 200


async def test_an_address_of_another_identity_is_refused(users):
    await users.sign_in(Identity(**ADA, **NEW))
    with pytest.raises(IdentityRefusedError, match="another identity"):
        await users.sign_in(Identity(**{**ADA, "subject": "2"}, **NEW))


async def test_address_of_another_account_is_not_taken_over(server, users):
    other = await server.person("student")
    user = await users.sign_in(Identity(**ADA, **NEW))
    again = await users.sign_in(Identity(**{**ADA, "email": other.email}, name="Ada King"))
    assert (again.id, again.email, again.display_name) == (user.id, user.email, "Ada King")


@pytest.mark.parametrize("missing", ["email", "name", "role"])
async def test_a_new_account_needs_an_address_a_name_and_a_role(users, missing):
    with pytest.raises(IdentityRefusedError, match="lacks one of them"):
        await users.sign_in(Identity(**{**ADA, **NEW, missing: None}))


async def test_only_the_fields_of_the_setting_follow(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_SYNC", "name")
    users = core((await serve()).app).services.get(UserService)
    await users.sign_in(Identity(**ADA, **NEW))
    user = await users.sign_in(Identity(**ADA, name="King", role="student", disabled=True))
    assert (user.name, user.role, user.disabled) == ("king", "teacher", False)


class Directory:
    """Answers each sign-in as it is told."""

    name = "directory"

    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    async def verify_credentials(self, email, password):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @hookimpl
    async def authenticate(self, connection):
        raise SignInUnavailableError("down")


async def test_refusal_by_the_system_that_owns_an_account_is_final(serve):
    server = await serve(beside=[Directory(CredentialsRefusedError())])
    person = await server.person("teacher")
    body = {"email": person.email, "password": person.password}
    answer = await server.api.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid email or password")


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/auth/login"])
async def test_a_system_out_of_reach_answers_503_in_both_dialects(serve, path):
    directory = Directory(SignInUnavailableError("down"))
    server = await serve(beside=[directory], extra_plugins=("assignment",))
    body = {"email": "ada@example.org", "password": "secret1"}
    answer = await server.api.post(f"{server.url}{path}", json=body)
    assert (answer.status_code, answer.json()["error"]) == (503, "Service Unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_system_out_of_reach_is_told_to_requests_and_sockets_with_its_credentials(serve):
    server = await serve(beside=[Directory(None)])
    assert (await server.api.get("/auth/me")).status_code == 503
    socket = await server.socket(path="/ws")
    frame = await socket.receive()
    assert frame == {"event": "ERROR", "data": {"message": "Service Unavailable"}}
    assert await socket.closed() == 1013


async def test_a_broken_plugin_answers_500(serve):
    server = await serve(beside=[Directory(RuntimeError("broken"))])
    body = {"email": "ada@example.org", "password": "a password"}
    answer = await server.api.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal Server Error")
