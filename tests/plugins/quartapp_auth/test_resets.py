"""One-time codes, with which people set a password."""

from __future__ import annotations

import asyncio
import re

import pytest

from quartapp_auth.credentials.codes import ALPHABET, hash_of, new_code

NEW = "difference-engine"
OTHER = "analytical-engine"
REFUSED = (400, "Invalid or expired code")
SET = (200, None)
HOURS = 3600


async def offered(server, person):
    """Let an administrator make a code for a person."""
    admin = await server.person("admin")
    path = f"/admin/people/{person.id}/reset"
    answer = await server.api.post(path, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["code"]


async def reset(server, code, password=NEW):
    body = {"code": code, "newPassword": password}
    answer = await server.api.post("/auth/reset", json=body)
    return answer.status_code, answer.json().get("error")


async def test_code_sets_a_password_and_ends_all_tokens(serve):
    here, there = await serve(), await serve()
    person, other = await here.person("student"), await here.person("student")
    socket, staying = await there.socket(person), await there.socket(other)
    code = await offered(here, person)
    # An administrator who makes a code by mistake has changed nothing.
    assert await here.sign_in(person.email, person.password)
    assert await reset(here, code) == SET
    assert await socket.closed() == 1008
    for server in (here, there):
        answer = await server.api.get("/auth/me", headers=person.headers)
        assert answer.status_code == 401
    assert await there.sign_in(person.email, NEW)
    old = {"email": person.email, "password": person.password}
    assert (await here.api.post("/auth/login", json=old)).status_code == 400
    assert await staying.drain() == []


async def test_of_twenty_people_with_one_code_exactly_one_sets_the_password(serve):
    servers = [await serve(), await serve()]
    person = await servers[0].person("student")
    code = await offered(servers[0], person)
    passwords = [f"{NEW}-{number}" for number in range(20)]
    answers = await asyncio.gather(
        *(reset(servers[number % 2], code, word) for number, word in enumerate(passwords))
    )
    assert sorted(answers, key=str) == [SET] + [REFUSED] * 19
    assert await servers[0].sign_in(person.email, passwords[answers.index(SET)])


async def test_of_twenty_codes_of_one_person_made_at_the_same_moment_one_works(serve):
    servers = [await serve(), await serve()]
    admin, person = await servers[0].person("admin"), await servers[0].person("student")
    path = f"/admin/people/{person.id}/reset"
    answers = await asyncio.gather(
        *(servers[number % 2].api.post(path, headers=admin.headers) for number in range(20))
    )
    assert [answer.status_code for answer in answers] == [201] * 20
    codes = [answer.json()["data"]["code"] for answer in answers]
    assert sorted([await reset(servers[0], code) for code in codes], key=str) == [
        *([SET] + [REFUSED] * 19)
    ]
    made = {"action": "auth.reset-code-made", "who": admin.id}
    assert await servers[0].documents["audit"].count_documents(made) == 20


async def test_code_is_random_and_stored_as_a_hash_alone(server):
    person = await server.person("student")
    code = await offered(server, person)
    assert len(code.replace("-", "")) * 5 == 130
    assert len({new_code(16) for _ in range(1000)}) == 1000
    assert set("".join(new_code() for _ in range(1000))) == {*ALPHABET, "-"}
    (stored,) = await server.documents["oneTimeCodes"].find({}).to_list()
    assert stored["hash"] == hash_of(code)
    assert code not in str(stored)
    assert code.replace("-", "") not in str(stored)


@pytest.mark.parametrize(
    "typed",
    ["{}", " {} \n", "{}\N{NO-BREAK SPACE}"],
    ids=["as it is", "with blanks", "with another blank"],
)
def test_code_may_be_typed_in_any_way(typed):
    code = "7K2M-9QXD-01TB-VN8E"
    for text in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
        for one in (text, text.replace("0", "O"), text.replace("1", "l"), text.replace("1", "I")):
            assert hash_of(typed.format(one)) == hash_of(code)
    assert hash_of("7K2M-9QXD-01TB-VN8F") != hash_of(code)


async def test_code_ends_after_four_hours(serve, turned_clock):
    server = await serve(clock=turned_clock)
    # The server takes a connection that is kept while the clock is turned for a silent one.
    server.api.headers["Connection"] = "close"
    early, late = [await server.person("student") for _ in range(2)]
    codes = [await offered(server, one) for one in (early, late)]
    await turned_clock.advance(4 * HOURS - 60)
    assert await reset(server, codes[0]) == SET
    await turned_clock.advance(60)
    assert await reset(server, codes[1]) == REFUSED


async def test_code_ends_with_a_newer_code_and_with_the_tokens(server):
    person = await server.person("student")
    first = await offered(server, person)
    second = await offered(server, person)
    assert await reset(server, first) == REFUSED
    await server.api.post("/auth/logout-all", headers=person.headers)
    assert await reset(server, second) == REFUSED
    third = await offered(server, person)
    assert await reset(server, third) == SET
    assert await reset(server, third) == REFUSED


async def test_refused_password_does_not_use_a_code_up(serve, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve()
    person = await server.person("student", name="Ada Lovelace")
    code = await offered(server, person)
    common = (400, "Password is one of the most common ones")
    own = (400, "Password is the name, address or username of the account")
    assert await reset(server, code, "sunshine") == common
    assert await reset(server, code, "Lovelace1815") == own
    assert await reset(server, code) == SET


async def test_code_of_a_deleted_account_is_none(server):
    person = await server.person("student")
    code = await offered(server, person)
    await server.documents["users"].delete_one({"email": person.email})
    assert await reset(server, code) == REFUSED


@pytest.mark.parametrize("code", ["\0", "-", "x" * 100, "é", "{$ne: 1}", "\N{PILE OF POO}"])
async def test_text_that_is_no_code_is_refused(server, code):
    await offered(server, await server.person("student"))
    assert await reset(server, code) == REFUSED


@pytest.mark.parametrize("role", ["teacher", "student"])
async def test_only_administrators_make_codes(server, role):
    person, other = await server.person(role), await server.person("student")
    for headers, status in ((person.headers, 403), ({}, 401)):
        path = f"/admin/people/{other.id}/reset"
        assert (await server.api.post(path, headers=headers)).status_code == status
    assert await server.documents["oneTimeCodes"].count_documents({}) == 0


async def test_code_is_never_in_the_log(server, caplog, capsys):
    person = await server.person("student")
    code = await offered(server, person)
    assert await reset(server, code) == SET
    said = capsys.readouterr()
    assert re.search(r"/auth/reset", said.out + said.err + caplog.text)
    assert code not in said.out + said.err + caplog.text
    assert NEW not in said.out + said.err + caplog.text
