"""``quartapp user``, beside a running server."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from quartapp_auth.commands import user


@pytest.fixture
def command(mongodb_uri):
    """Return a function that runs ``quartapp user`` on the database of the test."""

    async def run(*arguments, given=""):
        result = await asyncio.to_thread(
            CliRunner().invoke, user, arguments, input=given, env={"MONGODB_URI": mongodb_uri}
        )
        return result.output if result.exit_code == 0 else str(result.exception)

    # The runner takes what this whole process prints, and the server in the process has a log.
    with capture_logs():
        yield run


async def test_an_administrator_is_made_and_listed(server, command):
    told = await command(
        *("create", "Root@school.example", "--name", "Grace \x1b[2J", "--role", "admin", "--stdin"),
        given="correct horse\n",
    )
    assert told == "root@school.example has an account, with the role admin.\n"
    assert await server.sign_in("root@school.example", "correct horse")
    listed = await command("list")
    assert listed == "root@school.example\tadmin\tenabled\tGrace ?[2J\n"


async def test_what_does_not_fit_is_one_sentence(command):
    create = ("create", "ada@school.example", "--name", "Ada", "--stdin", "--role")
    assert await command(*create, "king", given="nanosecond\n") == (
        "there is no role king; there are admin, student, teacher"
    )
    assert await command(*create, "teacher", given="short\n") == (
        "a password has 6 characters or more, and at most 72 bytes of UTF-8"
    )
    # The database is no embedded one, so that not everybody may register.
    assert await command(*create, "teacher", given="sunshine\n") == (
        "Password is one of the most common ones"
    )
    await command(*create, "teacher", given="nanosecond\n")
    assert await command(*create, "teacher", given="nanosecond\n") == (
        "the address ada@school.example has an account already"
    )
    assert await command("revoke", "bob@school.example") == (
        "there is no account with the address bob@school.example"
    )


async def test_disabled_person_is_refused_until_enabled(server, command):
    person = await server.person("student")
    socket = await server.socket(person)
    assert await command("disable", person.email) == f"{person.email} is disabled.\n"
    assert await socket.closed() == 1008
    body = {"email": person.email, "password": person.password}
    assert (await server.api.post("/auth/login", json=body)).status_code == 400
    await command("enable", person.email)
    assert await server.sign_in(person.email, person.password)


@pytest.mark.parametrize("change", [("revoke",), ("set-role", "teacher")], ids=lambda c: c[0])
async def test_changed_person_has_to_sign_in_again(server, command, change):
    person = await server.person("student")
    socket = await server.socket(person)
    verb, *rest = change
    assert person.email in await command(verb, person.email, *rest)
    assert await socket.closed() == 1008
    assert await server.sign_in(person.email, person.password)


async def test_account_with_a_username_is_made_found_and_changed(server, command):
    told = await command(
        *("create", " Ann.One ", "--name", "Ann", "--role", "student", "--password-stdin"),
        given="correct horse\n",
    )
    assert told == "Ann.One has an account, with the role student.\n"
    assert await command("list") == "Ann.One\tstudent\tenabled\tAnn\n"
    assert await command("set-password", "ANN.ONE", "--password-stdin", given="battery 1\n") == (
        "ANN.ONE has a new password.\n"
    )
    body = {"username": "ann.one", "password": "battery 1"}
    assert (await server.api.post("/auth/login", json=body)).status_code == 200
    assert await command("disable", "ann.one") == "ann.one is disabled.\n"
    assert (await server.api.post("/auth/login", json=body)).status_code == 400


async def test_mistakes_with_usernames_are_one_sentence(command):
    create = ("create", "ann", "--name", "Ann", "--role", "student", "--stdin")
    await command(*create, given="nanosecond\n")
    assert await command(*create, given="nanosecond\n") == "the username ann has an account already"
    assert await command("revoke", "bob") == "there is no account with the username bob"
    long = ("create", "u" * 101, *create[2:])
    assert await command(*long, given="nanosecond\n") == (
        "a username has 1 to 100 characters, and no @"
    )


async def test_commands_reach_a_running_server_and_the_database_that_it_brings(
    serve_process, run_cli
):
    process = await serve_process()
    person = await process.client.person("teacher")

    async def socket_after(*arguments):
        socket = await process.client.socket(person)
        assert await socket.drain() == []
        told = await run_cli("user", *arguments, "--data-dir", "data")
        assert await socket.closed() == 1008
        return told

    changed = await socket_after("set-role", person.email, "admin")
    assert changed == (0, f"{person.email} has the role admin.\n", "")
    token = await process.client.sign_in(person.email, person.password)
    person = dataclasses.replace(person, token=token)
    listed = await process.client.api.get("/admin/people", headers=person.headers)
    assert [one["email"] for one in listed.json()["data"]] == [person.email]
    ended = await socket_after("revoke", person.email)
    assert ended == (0, f"{person.email} has to sign in again.\n", "")
    status, output, _ = await run_cli("user", "list", "--data-dir", "data")
    assert (status, output) == (0, f"{person.email}\tadmin\tenabled\t{person.name}\n")
