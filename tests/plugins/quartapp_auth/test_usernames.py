"""Accounts with a username instead of an address."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest
from bson import ObjectId

from quartapp import CredentialsRefusedError, Identity, core, hookimpl
from quartapp_auth import EmailTakenError, UserNotFoundError, UserService
from quartapp_auth.accounts.earlier import add_username_keys
from quartapp_classes.testing import class_room

NAME = "José.Ñandú"
PASSWORD = "long enough"


@pytest.fixture
async def pupil(server):
    """Provide the account of a student who has no address."""
    users = core(server.app).services.get(UserService)
    return await users.register("José Ñandú", None, PASSWORD, "student", username=NAME)


async def sign_in(server, username, password=PASSWORD, path="/auth/login"):
    return await server.api.post(path, json={"username": username, "password": password})


def refused(answer):
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(
    "typed",
    [NAME, NAME.upper(), f"  {NAME}\t", unicodedata.normalize("NFD", NAME), "\uff4aosé.ñandú"],
)
async def test_username_signs_in_in_any_case_and_form(server, pupil, typed):
    answer = await sign_in(server, typed)
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['data']['token']}"}
    data = (await server.api.get("/auth/me", headers=headers)).json()["data"]
    assert list(data) == ["_id", "name", "email", "role", "createdAt", "updatedAt"]
    assert (data["_id"], data["email"]) == (str(pupil.id), None)


async def test_wrong_username_and_wrong_password_have_the_answers_of_addresses(server, pupil):
    assert refused(await sign_in(server, "jose.nandu")) == (404, "User not found")
    assert refused(await sign_in(server, "a\uff20b")) == (404, "User not found")
    assert refused(await sign_in(server, NAME, "another")) == (400, "Invalid email or password")


@pytest.mark.parametrize(
    "body",
    [{}, {"username": ""}, {"username": "a@b"}, {"username": "u" * 101}, {"username": 5},
     {"username": "ann", "email": "no address"}, {"username": "ann", "email": None}],
    ids=str,
)  # fmt: skip
async def test_what_does_not_fit_is_422(server, body):
    answer = await server.api.post("/auth/login", json={"password": PASSWORD, **body})
    assert refused(answer) == (422, "Invalid request Schema")


async def test_missing_address_is_null_in_every_answer(server, pupil):
    teacher = await server.person("teacher")
    (listed,) = (await server.api.get("/class/students", headers=teacher.headers)).json()["data"]
    assert listed["email"] is None
    room = await class_room(server, teacher)
    path = f"/class/{room['_id']}"
    added = await server.api.post(
        f"{path}/add-student", json={"studentId": str(pupil.id)}, headers=teacher.headers
    )
    assert added.status_code == 201
    (detail,) = (await server.api.get(path, headers=teacher.headers)).json()["data"]
    assert detail["studentsIds"] == [{"name": "josé ñandú", "email": None}]


async def test_earlier_dialect_takes_usernames_too(serve):
    server = await serve(extra_plugins=("assignment",))
    users = core(server.app).services.get(UserService)
    pupil = await users.register("José Ñandú", None, PASSWORD, "student", username=NAME)
    answer = await sign_in(server, NAME, path=f"{server.url}/auth/login")
    assert answer.status_code == 200
    headers = {"Authorization": answer.json()["data"]["token"]}
    me = (await server.api.get(f"{server.url}/auth/me", headers=headers)).json()["data"]
    assert me == {"_id": str(pupil.id), "name": "José Ñandú", "email": None, "role": "student"}


async def test_one_of_many_registrations_with_a_username_succeeds(server):
    users = core(server.app).services.get(UserService)
    outcomes = await asyncio.gather(
        *(
            users.register("Ann", None, PASSWORD, "student", username=name)
            for name in ("ann", "ANN", "\uff41nn") * 2
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, EmailTakenError) for outcome in outcomes) == 5
    assert await server.documents["users"].count_documents({}) == 1


@pytest.mark.parametrize("username", [None, "", "u" * 101, "a@b", "a\uff20b"])
async def test_account_needs_an_address_or_a_username(server, username):
    users = core(server.app).services.get(UserService)
    with pytest.raises(ValueError, match="address or a username"):
        await users.register("Ann", None, PASSWORD, "student", username=username)


async def test_text_that_is_no_username_finds_nobody(server, pupil):
    users = core(server.app).services.get(UserService)
    for text in ("", "u" * 101, "a\uff20b"):
        with pytest.raises(UserNotFoundError):
            await users.by_identifier(text)


class Directory:
    """A directory that knows addresses, and refuses those of people who have left."""

    name = "directory"

    def __init__(self):
        self.asked = []

    @hookimpl
    def verify_credentials(self, email, password):
        self.asked.append(email)
        if email == "left@school.example":
            raise CredentialsRefusedError


async def test_username_is_no_way_around_a_directory(serve):
    directory = Directory()
    server = await serve(beside=[directory])
    users = core(server.app).services.get(UserService)
    await users.register("Ann", "left@school.example", PASSWORD, "student", username="ann")
    await users.register("Bob", None, PASSWORD, "student", username="bob")
    assert refused(await sign_in(server, "ann")) == (400, "Invalid email or password")
    assert (await sign_in(server, "bob")).status_code == 200
    assert directory.asked == ["left@school.example"]


async def test_identity_without_an_address_gets_an_account_by_its_username(server):
    users = core(server.app).services.get(UserService)
    identity = Identity(issuer="idp", subject="1", username="ann", name="Ann", role="student")
    account = await users.sign_in(identity)
    assert (account.email, account.username) == (None, "ann")
    assert (await users.sign_in(identity)).id == account.id


async def test_identity_does_not_take_the_username_of_another(server, pupil):
    users = core(server.app).services.get(UserService)
    told = {"issuer": "idp", "subject": "1", "name": "Ann", "role": "student"}
    account = await users.sign_in(Identity(**told, username=NAME.upper(), email="a@b.example"))
    assert account.username is None
    again = await users.sign_in(Identity(**told, username=NAME, email="a@b.example"))
    assert (again.id, again.username) == (account.id, None)
    assert (await users.by_username(NAME)).id == pupil.id
    with_at = await users.sign_in(Identity(**told, username="ann@idp", email="a@b.example"))
    assert (with_at.username, with_at.username_key) == ("ann@idp", None)


async def test_migration_gives_the_oldest_of_equal_usernames_its_key(server):
    database = core(server.app).database
    accounts = database.documents["users"]
    await accounts.drop_index("usernameKey_1")
    await accounts.drop_index("email_1")
    await accounts.create_index("email", unique=True)
    names = ["ann", "ANN", "bob@idp", None]
    people = [
        {"_id": ObjectId(), "email": f"{n}@b.example", "name": "x", "displayName": "X"}
        | ({"username": name} if name else {})
        for n, name in enumerate(names)
    ]
    await accounts.insert_many(people)
    for _ in range(2):
        await add_username_keys(database)
        found = [one async for one in accounts.find().sort("_id", 1)]
        assert [one.get("usernameKey") for one in found] == ["ann", None, None, None]
        assert [one.get("username") for one in found] == names
    assert "email_1" not in await accounts.index_information()
