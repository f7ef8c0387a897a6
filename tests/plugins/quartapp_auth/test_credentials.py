"""``quartapp user credentials``, beside a running server."""

from __future__ import annotations

import asyncio
import csv
import io
import re

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from quartapp import core
from quartapp_auth import UserService
from quartapp_auth.plugin import AuthPlugin

NEW = "difference-engine"
CODE = re.compile(r"one-time code: ((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}) \(until \d{4}-")


@pytest.fixture
def command(server, mongodb_uri):
    """Return a function that runs ``quartapp user`` on the database of the server."""

    (user, *_) = AuthPlugin().register_commands()

    async def run(*arguments):
        result = await asyncio.to_thread(
            CliRunner().invoke, user, arguments, env={"MONGODB_URI": mongodb_uri}
        )
        return result.output if result.exit_code == 0 else str(result.exception)

    # The runner takes what this whole process prints, and the server in the process has a log.
    with capture_logs():
        yield run


@pytest.fixture
async def pupils(server):
    """Make pupils with usernames: two without a password, and one with."""
    users = core(server.app).services.get(UserService)
    for name, password in (("Ann.One", None), ("Ben.Two", None), ("Cid.Six", "a password")):
        await users.register(name.replace(".", " "), None, password, "student", username=name)
    await users.register("Grace Hopper", "grace@example.org", None, "teacher")


async def sign_in(server, username, password):
    body = {"username": username, "password": password}
    return (await server.api.post("/auth/login", json=body)).status_code


@pytest.mark.usefixtures("pupils")
async def test_sheet_is_for_people_without_address_and_password_and_its_codes_work(server, command):
    told = await command("credentials")
    codes = CODE.findall(told)
    assert [name in told for name in ("Ann.One", "Ben.Two", "Cid.Six", "grace")] == [
        *(True, True, False, False)
    ]
    assert len(codes) == 2
    for username, code in zip(("Ann.One", "Ben.Two"), codes, strict=True):
        body = {"code": code.lower(), "newPassword": NEW}
        assert (await server.api.post("/auth/reset", json=body)).status_code == 200
        assert await sign_in(server, username, NEW) == 200
    assert await command("credentials") == "there is nobody to make codes for"


@pytest.mark.usefixtures("pupils")
async def test_each_code_of_a_sheet_is_recorded(server, command):
    codes = CODE.findall(await command("credentials"))
    accounts = await server.documents["oneTimeCodes"].distinct("_id")
    found = await server.documents["audit"].find({"action": "auth.reset-code-made"}).to_list()
    assert {e["about"]["account"] for e in found} == {str(one) for one in accounts}
    assert [(e["way"], e["who"]) for e in found] == [("command", None)] * 2
    assert [code for code in codes if code in str(found)] == []


@pytest.mark.usefixtures("pupils")
async def test_sheet_for_named_people_ends_their_earlier_codes(server, command):
    (first,) = CODE.findall(await command("credentials", "ann.one"))
    table = await command("credentials", "--csv", "--days", "2", "ANN.ONE", "Grace@Example.org")
    ann, grace = csv.DictReader(io.StringIO(table))
    assert (ann["name"], ann["signInAs"]) == ("Ann One", "Ann.One")
    assert (grace["name"], grace["signInAs"]) == ("Grace Hopper", "grace@example.org")
    for code, status in ((first, 400), (ann["code"], 200)):
        body = {"code": code, "newPassword": NEW}
        assert (await server.api.post("/auth/reset", json=body)).status_code == status
    assert await sign_in(server, "ann.one", NEW) == 200


@pytest.mark.usefixtures("pupils")
async def test_sheet_may_be_for_one_role(command):
    given = ("credentials", "--role", "teacher")
    assert await command(*given) == "there is nobody to make codes for"
    assert len(CODE.findall(await command("credentials", "--role", "student"))) == 2


@pytest.mark.usefixtures("pupils")
async def test_unknown_name_makes_no_code(server, command):
    assert await command("credentials", "ann.one", "no\x1bbody") == "there is no account no?body"
    assert await server.documents["oneTimeCodes"].count_documents({}) == 0


async def test_sheet_has_no_formula_and_no_control_characters(server, command):
    users = core(server.app).services.get(UserService)
    await users.register("=1+1\x1b[2J", None, None, "student", username="=SUM\x07")
    told = await command("credentials")
    assert "=1+1?[2J" in told
    assert not set(told) & {"\x1b", "\x07"}
    (row,) = csv.DictReader(io.StringIO(await command("credentials", "--csv")))
    assert row["name"].startswith("'=1+1")
