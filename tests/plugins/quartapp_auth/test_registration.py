"""Who may register, and what a sign-in tells about accounts."""

from __future__ import annotations

import uuid

import bcrypt
import pytest
import structlog.testing

from quartapp import core, create_app, load_settings
from quartapp.testing import SECRET
from quartapp_auth import InvitationNeededError, Registrations
from quartapp_auth.signing_in import passwords

SETTING = "QUARTAPP_AUTH_REGISTRATION"
BY_INVITATION = "Forbidden, registration is by invitation"
CLOSED = "Forbidden, registration is closed"
PASSWORD = "difference-engine"


def somebody(role):
    email = f"{uuid.uuid4().hex}@example.org"
    return {"name": "Ada", "email": email, "password": PASSWORD, "role": role}


async def registered(client, role):
    """Register somebody; return the error, or None if that worked."""
    answer = await client.api.post("/auth/register", json=somebody(role))
    assert answer.status_code in (201, 403), answer.text
    return answer.json().get("error")


@pytest.mark.parametrize(
    ("setting", "teacher", "student"),
    [
        ("open", None, None),
        ("students", BY_INVITATION, None),
        ("invite", BY_INVITATION, BY_INVITATION),
        ("closed", CLOSED, CLOSED),
    ],
)
async def test_registration_is_refused_as_the_setting_says(
    serve, monkeypatch, setting, teacher, student
):
    monkeypatch.setenv(SETTING, setting)
    server = await serve(extra_plugins=("assignment",))
    for role, refusal in (("teacher", teacher), ("student", student)):
        assert await registered(server, role) == refusal
        # The dialect of the assignment plugin is no way around.
        answer = await server.api.post(f"{server.url}/auth/signup", json=somebody(role))
        assert answer.json().get("error") == refusal, answer.text
        assert answer.status_code == (403 if refusal else 201)
    expected = [teacher, teacher, student, student].count(None)
    assert await server.documents["users"].count_documents({}) == expected


async def test_a_body_that_does_not_fit_is_told_before_the_door_is_closed(serve, monkeypatch):
    monkeypatch.setenv(SETTING, "closed")
    server = await serve()
    answer = await server.api.post("/auth/register", json={"role": "teacher"})
    assert (answer.status_code, answer.json()["error"]) == (422, "Invalid request Schema")


async def test_an_unknown_setting_ends_the_command_with_one_sentence(run_cli):
    status, _, errors = await run_cli("serve", "--port", "0", **{SETTING: "everybody"})
    assert status == 2
    assert SETTING in errors
    assert len(errors.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "refusal"),
    [
        ((), {}, None),
        (("--host", "localhost"), {}, None),
        (("--host", "0.0.0.0"), {}, BY_INVITATION),  # noqa: S104 - the test's own machine
        ((), {"QUARTAPP_TRUSTED_PROXIES": "1"}, BY_INVITATION),
        (("--host", "0.0.0.0"), {SETTING: "open"}, None),  # noqa: S104 - the test's own machine
        (("--workers", "2"), {}, None),
    ],
    ids=str,
)
async def test_only_a_server_on_its_own_machine_is_open_by_default(
    serve_process, arguments, environment, refusal
):
    process = await serve_process(*arguments, **environment)
    assert await registered(process.client, "teacher") == refusal


async def test_a_server_on_another_database_takes_invitations_alone(mongodb_uri):
    # The fixtures open the servers that they start, so the rule is asked of an app without them.
    app = create_app(load_settings(mongodb_uri=mongodb_uri, jwt_secret=SECRET))
    with pytest.raises(InvitationNeededError):
        await core(app).services.get(Registrations).register("Ada", "a@b.example", "x", "student")


@pytest.mark.parametrize(
    ("host", "proxies", "setting", "warned"),
    [
        ("127.0.0.1", 0, "open", False),
        ("0.0.0.0", 0, "open", True),  # noqa: S104 - nothing is bound
        ("127.0.0.1", 1, "students", True),
        ("192.0.2.1", 0, "students", True),
        ("0.0.0.0", 0, "invite", False),  # noqa: S104 - nothing is bound
    ],
)
async def test_a_server_that_others_reach_logs_that_registration_is_open(
    serve, monkeypatch, host, proxies, setting, warned
):
    monkeypatch.setenv(SETTING, setting)
    with structlog.testing.capture_logs() as lines:
        await serve(host=host, trusted_proxies=proxies)
    found = [line for line in lines if line["event"] == "whoever reaches this server can register"]
    assert [line["registration"] for line in found] == ([setting] if warned else [])
    assert all(line["log_level"] == "warning" for line in found)


@pytest.mark.parametrize("setting", ["students", "invite", "closed"])
async def test_sign_in_does_not_tell_who_has_an_account(serve, monkeypatch, setting):
    monkeypatch.setenv(SETTING, setting)
    server = await serve()
    ada = await server.person("teacher")
    answers = [
        await server.api.post("/auth/login", json={**who, "password": "a wrong one"})
        for who in ({"email": ada.email}, {"email": "nobody@example.org"}, {"username": "nobody"})
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    for answer in answers:
        told = answer.json()
        told.pop("requestId")
        assert told == {
            "success": False,
            "error": "Invalid email or password",
            "code": "invalid-email-or-password",
        }
    assert await server.sign_in(ada.email, ada.password)


async def test_with_open_registration_sign_in_tells_that_nobody_has_an_address(server):
    body = {"email": "nobody@example.org", "password": "a wrong one"}
    answer = await server.api.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["error"]) == (404, "User not found")


async def test_sign_in_takes_one_bcrypt_whoever_asks(serve, monkeypatch, cost_of_passwords):
    monkeypatch.setenv(SETTING, "invite")
    monkeypatch.setattr(passwords, "COST", cost_of_passwords)
    server = await serve()
    ada = await server.person("teacher")
    imported = await server.person("student")
    await server.documents["users"].update_one(
        {"email": imported.email}, {"$unset": {"password": 1}}
    )
    costs = []

    def counted(password, hashed):
        costs.append(hashed[:7])
        return compare(password, hashed)

    compare = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for email in (ada.email, imported.email, "nobody@example.org"):
        answer = await server.api.post("/auth/login", json={"email": email, "password": "wrong"})
        assert answer.status_code == 400
    assert costs == [b"$2b$10$"] * 3
