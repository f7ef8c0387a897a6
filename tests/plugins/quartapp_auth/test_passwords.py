"""Which passwords are good enough, and how a person changes the own one."""

from __future__ import annotations

import uuid

import pytest

from quartapp import core
from quartapp_auth import UnfitPasswordError, UserService
from quartapp_auth.credentials.password_rule import PasswordRule, common_passwords

SETTING = "QUARTAPP_AUTH_REGISTRATION"
TOO_SHORT = "Password has to have 8 characters or more"
TOO_COMMON = "Password is one of the most common ones"
OF_THE_PERSON = "Password is the name, address or username of the account"
OF_THE_SCHOOL = "Password is the name of the school or of this program"
NEW = "difference-engine"
ENDED = (401, "Unauthorized, token missing or invalid")


@pytest.fixture
async def guarded(serve, monkeypatch):
    """Provide a server that takes registrations by invitation, of a school with names."""
    monkeypatch.setenv(SETTING, "invite")
    monkeypatch.setenv("QUARTAPP_AUTH_SCHOOL_NAMES", "Analytical College, AC-Berlin")
    return await serve()


async def change(server, person, password, new, **headers):
    body = {"password": password, "newPassword": new}
    answer = await server.api.post(
        "/auth/password", json=body, headers={**person.headers, **headers}
    )
    told = answer.json()
    return answer.status_code, told.get("error") or told["data"]["token"]


async def is_welcome(server, token):
    headers = {"Authorization": f"Bearer {token}"}
    return (await server.api.get("/auth/me", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("seven77", TOO_SHORT),
        ("ééééééé", TOO_SHORT),
        ("iloveyou1", TOO_COMMON),
        ("SUNSHINE", TOO_COMMON),
        ("\uff33\uff35\uff2e\uff33\uff28\uff29\uff2e\uff25", TOO_COMMON),
        ("Lovelace1815", OF_THE_PERSON),
        ("2024_AdaLovelace!", OF_THE_PERSON),
        ("lovelace ada", None),
        ("countess99", OF_THE_PERSON),
        ("analyst.ada", OF_THE_PERSON),
        ("analytical", OF_THE_SCHOOL),
        ("1-AC.Berlin-1", OF_THE_SCHOOL),
        ("QuartApp1", OF_THE_SCHOOL),
        ("babbage-hall7", OF_THE_SCHOOL),
        ("example", TOO_SHORT),
        ("12!34?56", None),
        ("lovelace-engine", None),
        ("\0\0\0\0\0\0\0\0", None),
    ],
    ids=ascii,
)
def test_new_password_is_neither_short_nor_common_nor_a_word_of_person_or_school(password, reason):
    owner = ("Ada  Lovelace", "analyst.ada3@babbage-hall.example", "Countess_7")
    rule = PasswordRule(False, ["Analytical College", "AC-Berlin"])
    # With open registration the contract's six characters are all that is asked.
    PasswordRule(True, ["Analytical College"]).check(password, *owner)
    if reason is None:
        rule.check(password, *owner)
        return
    with pytest.raises(UnfitPasswordError) as raised:
        rule.check(password, *owner)
    assert str(raised.value) == reason


def test_account_without_address_and_username_has_a_rule_too():
    PasswordRule(False).check("lovelace", "Ada", None, None)
    with pytest.raises(UnfitPasswordError):
        PasswordRule(False).check("lovelace", "Lovelace", None, None)


def test_ten_thousand_passwords_are_common():
    assert len(common_passwords()) == 10_000
    assert {"password", "12345678", "trustno1"} <= common_passwords()
    assert min(map(len, common_passwords())) == 8


async def test_weak_password_uses_no_invitation_up(guarded):
    admin = await guarded.person("admin")
    made = await guarded.api.post(
        "/admin/invitations", json={"role": "teacher"}, headers=admin.headers
    )
    body = {"name": "Ada", "invitation": made.json()["data"]["invitation"]}
    for password, reason in (("sunshine", TOO_COMMON), ("analytical1", OF_THE_SCHOOL)):
        email = f"{uuid.uuid4().hex}@example.org"
        sent = {**body, "email": email, "password": password}
        answer = await guarded.api.post("/auth/register", json=sent)
        told = answer.json()
        assert (answer.status_code, told["error"]) == (400, reason)
        assert [(one["field"], one["message"]) for one in told["errors"]] == [("password", reason)]
        assert await guarded.documents["users"].count_documents({"email": email}) == 0
    sent = {**body, "email": "ada@example.org", "password": NEW}
    assert (await guarded.api.post("/auth/register", json=sent)).status_code == 201


async def test_weak_password_is_refused_in_the_dialect_too(serve, monkeypatch):
    monkeypatch.setenv(SETTING, "students")
    server = await serve(extra_plugins=("assignment",))
    sent = {"name": "Ada", "email": "ada@example.org", "password": "sunshine", "role": "student"}
    for path in ("/auth/register", f"{server.url}/auth/signup"):
        answer = await server.api.post(path, json=sent)
        assert (answer.status_code, answer.json()["error"]) == (400, TOO_COMMON)
    assert await server.documents["users"].count_documents({}) == 0


async def test_weak_password_is_refused_whoever_sets_it(guarded):
    users = core(guarded.app).services.get(UserService)
    ada = await guarded.person("teacher", name="Ada Lovelace")
    with pytest.raises(UnfitPasswordError, match=OF_THE_PERSON):
        await users.set_password(ada.email, "lovelace1")
    with pytest.raises(UnfitPasswordError, match=TOO_SHORT):
        await users.make_account("Grace", "grace@example.org", "short", "student")
    assert await guarded.sign_in(ada.email, ada.password)


async def test_earlier_password_that_is_weak_by_now_still_signs_in(serve, monkeypatch):
    open_ = await serve()
    sent = {"name": "Ada", "email": "ada@example.org", "password": "secret", "role": "student"}
    assert (await open_.api.post("/auth/register", json=sent)).status_code == 201
    monkeypatch.setenv(SETTING, "invite")
    assert await (await serve()).sign_in("ada@example.org", "secret")


async def test_changed_password_ends_all_tokens_but_the_fresh_one(serve):
    here, there = await serve(), await serve()
    person, other = await here.person("teacher"), await here.person("teacher")
    second = await there.sign_in(person.email, person.password)
    socket, staying = await there.socket(person), await there.socket(other)
    status, token = await change(here, person, person.password, NEW)
    assert status == 200
    assert await socket.closed() == 1008
    for server in (here, there):
        assert [await is_welcome(server, one) for one in (person.token, second)] == [False, False]
        assert await is_welcome(server, token)
    assert await staying.drain() == []
    assert await there.sign_in(person.email, NEW)
    old = {"email": person.email, "password": person.password}
    assert (await here.api.post("/auth/login", json=old)).status_code == 400


async def test_wrong_password_changes_nothing_and_counts_as_a_failed_sign_in(serve, turned_clock):
    server = await serve(clock=turned_clock)
    # The server takes a connection that is kept while the clock is turned for a silent one.
    server.api.headers["Connection"] = "close"
    person = await server.person("student")
    for _ in range(10):
        assert await change(server, person, "a wrong one", NEW) == (400, "Invalid password")
    refused = (429, "Too Many Requests")
    assert await change(server, person, person.password, NEW) == refused
    body = {"email": person.email, "password": person.password}
    answer = await server.api.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["error"]) == refused
    await turned_clock.advance(1)
    assert await server.sign_in(person.email, person.password)
    assert await is_welcome(server, person.token)


async def test_refused_new_password_does_not_count_as_a_failure(guarded):
    person = await guarded.person("student")
    for _ in range(12):
        assert await change(guarded, person, person.password, "sunshine") == (400, TOO_COMMON)
    assert await guarded.sign_in(person.email, person.password)


async def test_account_without_a_password_gets_none_by_a_change(server):
    person = await server.person("student")
    await server.documents["users"].update_one(
        {"email": person.email}, {"$unset": {"password": ""}}
    )
    for password in (person.password, "None", "\0"):
        assert await change(server, person, password, NEW) == (400, "Invalid password")


async def test_cookie_gets_the_fresh_token(server):
    person = await server.person("student")
    cookie = {"Cookie": f"quartapp_session={person.token}", "Sec-Fetch-Site": "same-origin"}
    body = {"password": person.password, "newPassword": NEW}
    answer = await server.api.post("/auth/password", json=body, headers=cookie)
    token = answer.json()["data"]["token"]
    assert f"quartapp_session={token};" in answer.headers["set-cookie"]
    assert await is_welcome(server, token)
