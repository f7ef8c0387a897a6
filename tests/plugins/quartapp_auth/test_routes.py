"""Registration, login, and who I am."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from quartapp_auth.signing_in import passwords
from quartapp_classes.testing import class_room

ADA = {"name": "Ada", "email": "ada@example.org", "password": "secret1", "role": "teacher"}
INVALID = "Invalid request Schema"


async def test_twelve_registrations_at_once_make_one_account(server):
    emails = ["ada@example.org", " Ada@Example.ORG "] * 6
    answers = await asyncio.gather(
        *(server.api.post("/auth/register", json={**ADA, "email": email}) for email in emails)
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [403] * 11
    refused = {answer.json()["error"] for answer in answers if answer.status_code == 403}
    assert refused == {"Email already exists"}
    assert await server.documents["users"].count_documents({}) == 1


async def test_names_are_answered_lower_cased_and_kept_as_typed(server):
    answer = await server.api.post("/auth/register", json={**ADA, "name": "  Ada LOVELACE "})
    data = answer.json()["data"]
    assert list(data) == ["_id", "name", "email", "role", "createdAt", "updatedAt"]
    assert data["name"] == "ada lovelace"
    stored = await server.documents["users"].find_one({"_id": ObjectId(data["_id"])})
    assert stored["displayName"] == "Ada LOVELACE"
    assert stored["name"] == "ada lovelace"


async def test_hashes_of_passwords_have_bcrypts_cost_10(server, cost_of_passwords, monkeypatch):
    monkeypatch.setattr(passwords, "COST", cost_of_passwords)
    await server.api.post("/auth/register", json=ADA)
    stored = await server.documents["users"].find_one({"email": ADA["email"]})
    assert stored["password"].startswith("$2b$10$")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"name": "  \t "}, {"name": "x" * 101}, {"name": 5}, {"name": None},
        {"email": "ada"}, {"email": "a b@example.org"}, {"email": "ada@localhost"}, {"email": ""},
        {"password": "short"}, {"password": "p" * 73}, {"password": "ü" * 37}, {"password": 123456},
        {"role": "admin"}, {"role": "Teacher"}, {"role": None},
    ],
    ids=str,
)  # fmt: skip
async def test_what_does_not_fit_is_422(server, changes):
    answer = await server.api.post("/auth/register", json={**ADA, **changes})
    assert (answer.status_code, answer.json()["error"]) == (422, INVALID)


@pytest.mark.parametrize("field", list(ADA))
async def test_every_field_is_needed(server, field):
    body = {name: value for name, value in ADA.items() if name != field}
    answer = await server.api.post("/auth/register", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, INVALID)


@pytest.mark.parametrize("password", ["p" * 72, "ü" * 36, "a\x00b\x00c\x00", "      ", "🔑" * 18])
async def test_every_password_that_bcrypt_can_tell_apart_works(server, password):
    body = {**ADA, "password": password}
    assert (await server.api.post("/auth/register", json=body)).status_code == 201
    assert await server.sign_in(" ADA@example.org ", password)
    answer = await server.api.post(
        "/auth/login", json={"email": ADA["email"], "password": password[:-1] + "x"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid email or password")


async def test_a_login_with_a_password_too_long_is_just_wrong(server):
    await server.api.post("/auth/register", json={**ADA, "password": "p" * 72})
    for password in ("p" * 73, "p" * 72 + "more", "ü" * 5000):
        answer = await server.api.post(
            "/auth/login", json={"email": ADA["email"], "password": password}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "Invalid email or password")


async def test_login_with_unknown_address_is_404_and_with_empty_body_422(server):
    answer = await server.api.post("/auth/login", json={"email": "no@example.org", "password": "x"})
    assert (answer.status_code, answer.json()["error"]) == (404, "User not found")
    for body in ({}, {"email": "no@example.org"}, {"email": "no", "password": "x"}):
        answer = await server.api.post("/auth/login", json=body)
        assert (answer.status_code, answer.json()["error"]) == (422, INVALID)


async def test_deleted_account_is_not_found_with_a_valid_token(server):
    person = await server.person("student")
    await server.documents["users"].delete_one({"_id": ObjectId(person.id)})
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert (answer.status_code, answer.json()["error"]) == (404, "User not found")


async def test_the_password_never_leaves_the_server(server):
    person = await server.person("student")
    teacher = await server.person("teacher")
    room = await class_room(server, teacher, [person])
    for path, headers in [
        ("/auth/me", person.headers),
        ("/class/students", teacher.headers),
        (f"/class/{room['_id']}", teacher.headers),
    ]:
        text = (await server.api.get(path, headers=headers)).text
        assert "password" not in text
        assert "$2b$" not in text
