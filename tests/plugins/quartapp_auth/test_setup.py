"""The set-up: the first administrator, by a one-time code."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import stat
import uuid
from contextlib import contextmanager, redirect_stderr

import pytest
from pydantic import SecretStr

from quartapp import core, create_app, load_settings
from quartapp.testing import SECRET, running
from quartapp_auth import UserService
from quartapp_auth.credentials.codes import code_from
from quartapp_auth.registering.setup import Setup
from quartapp_auth.registering.setup_notice import FILE

SETTING = "QUARTAPP_AUTH_REGISTRATION"
PASSWORD = "difference-engine"
CODE = r"(?:[0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}"
WRONG = "7K2M-9QXD-04TB-VN8E-H3WA-RC5Y-6F"
END = "<end>"
MADE = (201, None)
REFUSED = (403, "Forbidden, no set-up with this code")
INVALID = (422, "Invalid request Schema")


@pytest.fixture(autouse=True)
def _by_invitation(monkeypatch):
    monkeypatch.setenv(SETTING, "invite")


@pytest.fixture
def start(mongodb_uri, tmp_path):
    """Return a function that makes a server whose database counts as the embedded one."""

    def server(*, clock=None, **given):
        # A busy machine is no failure.
        patient = {"database_timeout": 60.0, "hook_timeout": 60.0}
        settings = load_settings(**{"data_dir": tmp_path, "port": 3000, **patient, **given})
        complete = settings.on_embedded(SecretStr(mongodb_uri), SecretStr(SECRET))
        return running(create_app(complete, clock=clock))

    return server


@contextmanager
def terminal(encoding="utf-8"):
    """Let the standard error of this process be a terminal; give what it has shown so far."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding=encoding) as stream, os.fdopen(ours, "rb", 0) as screen:

        def shown():
            # What is written can be read a little later, and in this order.
            stream.write(END)
            stream.flush()
            read = b""
            while not read.endswith(END.encode()):
                read += screen.read(4096)
            return read.decode()

        with redirect_stderr(stream):
            yield shown


def code_in(folder):
    return (folder / FILE).read_text().strip()


async def set_up(client, code, **fields):
    email = f"{uuid.uuid4().hex}@example.org"
    body = {"code": code, "name": "Ada", "email": email, "password": PASSWORD, **fields}
    answer = await client.api.post("/auth/setup", json=body)
    return answer.status_code, answer.json().get("error")


async def administrators(server):
    return await server.documents["users"].count_documents({"role": "admin"})


async def test_code_makes_the_first_administrator_once(start, tmp_path):
    async with start() as server:
        code = code_in(tmp_path)
        body = {"name": " Ada ", "email": "ADA@example.org", "password": PASSWORD, "code": code}
        answer = await server.api.post("/auth/setup", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        assert {*made} == {"_id", "name", "email", "role", "createdAt", "updatedAt"}
        assert (made["name"], made["email"], made["role"]) == ("ada", "ada@example.org", "admin")
        token = await server.sign_in("ada@example.org", PASSWORD)
        headers = {"Authorization": f"Bearer {token}"}
        assert (await server.api.get("/admin/people", headers=headers)).status_code == 200
        assert not (tmp_path / FILE).exists()
        assert await set_up(server, code) == REFUSED
    async with start() as server:
        assert not (tmp_path / FILE).exists()
        assert await set_up(server, code) == REFUSED
        assert await administrators(server) == 1


async def test_of_twenty_people_on_several_servers_exactly_one_is_the_administrator(
    start, tmp_path
):
    async with start() as one, start() as two, start() as three:
        code, servers = code_in(tmp_path), (one, two, three)
        answers = await asyncio.gather(*(set_up(servers[number % 3], code) for number in range(20)))
        assert sorted(answers) == [MADE] + [REFUSED] * 19
        assert await one.documents["users"].count_documents({}) == 1


async def test_of_twenty_people_on_several_workers_exactly_one_is_the_administrator(
    serve_process, tmp_path
):
    patient = {"QUARTAPP_DATABASE_TIMEOUT": "60", "QUARTAPP_HOOK_TIMEOUT": "60"}
    process = await serve_process("--workers", "2", **{SETTING: "invite"}, **patient)
    code = code_in(tmp_path / "data")
    assert "setup-code" in process.stderr
    answers = await asyncio.gather(*(set_up(process.client, code) for _ in range(20)))
    assert sorted(answers) == [MADE] + [REFUSED] * 19
    assert code not in process.stderr
    assert not (tmp_path / "data" / FILE).exists()


async def test_of_twenty_people_on_a_standalone_mongodb_exactly_one_is_the_administrator(
    own_mongod, serve
):
    with terminal() as screen:
        server = await serve(mongodb_uri=own_mongod().uri)
        (code,) = re.findall(CODE, screen())
    answers = await asyncio.gather(*(set_up(server, code) for _ in range(20)))
    assert sorted(answers) == [MADE] + [REFUSED] * 19
    assert await server.documents["users"].count_documents({}) == 1


async def test_account_made_while_the_code_is_used_leaves_one_administrator(start, tmp_path):
    """A server that was killed between the account and the end of the set-up."""
    async with start() as server:
        code = code_in(tmp_path)
        (kept,) = await server.documents["setup"].find({}).to_list()
        assert await set_up(server, code) == MADE
        await server.documents["setup"].insert_one(kept)
        assert await set_up(server, code) == REFUSED
    async with start() as server:
        assert await server.documents["setup"].count_documents({}) == 0
        assert await administrators(server) == 1


async def test_code_stays_the_same_until_it_is_used(start, tmp_path):
    async with start():
        first = code_in(tmp_path)
    (tmp_path / FILE).unlink()
    async with start() as one, start() as two:
        assert code_in(tmp_path) == first
        assert core(one.app).services.get(Setup) is not core(two.app).services.get(Setup)
        assert await set_up(two, first.lower().replace("-", " ")) == MADE


async def test_used_code_is_worthless_when_all_accounts_are_gone(start, tmp_path):
    async with start() as server:
        used = code_in(tmp_path)
        assert await set_up(server, used) == MADE
        await server.documents["users"].delete_many({})
        assert await set_up(server, used) == REFUSED
    async with start() as server:
        assert code_in(tmp_path) != used
        assert await set_up(server, used) == REFUSED
        assert await set_up(server, code_in(tmp_path)) == MADE


async def test_somebody_with_an_account_ends_the_set_up(start, tmp_path):
    async with start() as server:
        code = code_in(tmp_path)
        users = core(server.app).services.get(UserService)
        await users.register("Kay", None, None, "student", username="kay")
        assert await set_up(server, code) == REFUSED
        assert await administrators(server) == 0
    async with start() as server:
        assert not (tmp_path / FILE).exists()
        assert await server.documents["setup"].count_documents({}) == 0


async def test_where_everybody_may_register_there_is_no_set_up(start, tmp_path, monkeypatch):
    async with start():
        code = code_in(tmp_path)
    monkeypatch.setenv(SETTING, "open")
    async with start() as server:
        assert await set_up(server, code) == REFUSED
    (tmp_path / FILE).unlink()
    async with start():
        assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("setting", ["students", "closed"])
async def test_every_other_setting_has_a_set_up(start, tmp_path, monkeypatch, setting):
    monkeypatch.setenv(SETTING, setting)
    async with start() as server:
        assert await set_up(server, code_in(tmp_path)) == MADE


async def test_only_the_owner_of_the_server_reads_the_file(start, tmp_path):
    loose = tmp_path / FILE
    loose.write_text("somebody else's")
    loose.chmod(0o666)
    umask = os.umask(0)
    try:
        async with start():
            assert stat.S_IMODE(loose.stat().st_mode) == 0o600
            assert re.fullmatch(CODE, code_in(tmp_path))
            assert [path.name for path in tmp_path.iterdir()] == [FILE]
    finally:
        os.umask(umask)


async def test_link_in_place_of_the_file_leads_the_code_nowhere(start, tmp_path):
    other = tmp_path / "other"
    other.write_text("as before")
    (tmp_path / FILE).symlink_to(other)
    async with start():
        assert other.read_text() == "as before"
        assert not (tmp_path / FILE).is_symlink()


async def test_file_that_cannot_be_written_or_removed_is_told_and_the_server_starts(
    start, tmp_path, capsys
):
    (tmp_path / FILE).mkdir()
    async with start() as server:
        assert "cannot write the set-up code" in _said(capsys)
        users = core(server.app).services.get(UserService)
        await users.register("Kay", None, None, "student", username="kay")
    async with start() as server:
        assert "cannot remove the set-up code" in _said(capsys)
        assert (await server.api.get(f"{server.url}/healthz")).status_code == 200
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


async def test_code_is_in_neither_the_database_nor_the_log(start, tmp_path, capsys, caplog):
    async with start() as server:
        code = code_in(tmp_path)
        assert await set_up(server, WRONG) == REFUSED
        stored = str(
            [await server.documents[name].find({}).to_list() for name in ("setup", "audit")]
        )
        assert await set_up(server, code) == MADE
    said = _said(capsys) + caplog.text
    assert str(tmp_path / FILE) in said
    assert "/auth/setup" in said
    for secret in (code, code.replace("-", ""), PASSWORD):
        assert secret not in said
        assert secret not in stored


def _said(capsys):
    said = capsys.readouterr()
    return said.out + said.err


def test_code_has_130_bits_of_its_digest():
    assert code_from(bytes(32)) == "0000-0000-0000-0000-0000-0000-00"
    digits = code_from(os.urandom(32)).replace("-", "")
    assert len(digits) * 5 == 130
    assert len({code_from(os.urandom(32)) for _ in range(1000)}) == 1000


async def test_terminal_shows_the_link_with_code_and_file(start, tmp_path):
    with terminal() as screen:
        async with start():
            shown = screen()
    code = code_in(tmp_path)
    assert code in shown
    assert f"http://127.0.0.1:3000/app/setup#code={code}\r\n" in shown
    assert str(tmp_path / FILE) in shown.replace("\r\n", "")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"host": "0.0.0.0"}, "http://localhost:3000/"),  # noqa: S104 - compared alone
        ({"host": "::1"}, "http://[::1]:3000/"),
    ],
    ids=str,
)
async def test_terminal_shows_an_address_that_a_client_can_use(start, given, address):
    with terminal() as screen:
        async with start(**given):
            assert f"\n{address}app/setup#code=" in screen()


async def test_terminal_shows_the_request_where_there_are_no_pages(start, tmp_path):
    with terminal() as screen:
        async with start(plugins=("auth",)):
            shown = screen()
    assert "curl http://127.0.0.1:3000/api/v1/auth/setup" in shown
    assert code_in(tmp_path) in shown


async def test_terminal_of_few_letters_shows_the_code(start, tmp_path):
    folder = tmp_path / "école"
    folder.mkdir()
    with terminal(encoding="ascii") as screen:
        async with start(data_dir=folder):
            shown = screen()
    assert code_in(folder) in shown
    assert "?cole" in shown


async def test_of_several_workers_one_shows_the_code(start):
    with terminal() as screen:
        async with start(workers=2), start(workers=2):
            assert len(re.findall(CODE, screen())) == 1


async def test_on_another_database_a_terminal_alone_has_the_code(serve, tmp_path):
    with terminal() as screen:
        server = await serve(data_dir=tmp_path)
        (code,) = re.findall(CODE, screen())
    assert [*tmp_path.iterdir()] == []
    # A second server without a terminal takes the code of the first.
    assert await set_up(await serve(data_dir=tmp_path), code) == MADE
    assert await administrators(server) == 1


async def test_without_file_and_terminal_there_is_no_code_and_the_command_is_named(
    serve, tmp_path, capsys
):
    server = await serve(data_dir=tmp_path)
    assert "quartapp user create EMAIL --name NAME --role admin" in _said(capsys)
    assert await server.documents["setup"].count_documents({}) == 0
    assert [*tmp_path.iterdir()] == []
    assert await set_up(server, WRONG) == REFUSED


async def test_wrong_codes_make_their_network_wait_and_no_other(
    start, tmp_path, monkeypatch, turned_clock
):
    monkeypatch.setenv("QUARTAPP_TRUSTED_PROXIES", "1")
    async with start(clock=turned_clock) as server:
        server.api.headers["X-Forwarded-For"] = "203.0.113.7"
        answers = [await set_up(server, WRONG) for _ in range(11)]
        assert answers[:10] == [REFUSED] * 10
        assert answers[10] == (429, "Too Many Requests")
        code = code_in(tmp_path)
        server.api.headers["X-Forwarded-For"] = "198.51.100.7"
        assert await set_up(server, code) == MADE


async def test_refused_password_does_not_use_the_code_up(start, tmp_path):
    async with start() as server:
        code = code_in(tmp_path)
        common = (400, "Password is one of the most common ones")
        assert await set_up(server, code, password="sunshine") == common
        # Who has no code learns nothing of the rule.
        assert await set_up(server, WRONG, password="sunshine") == REFUSED
        assert code_in(tmp_path) == code
        assert await set_up(server, code) == MADE


@pytest.mark.parametrize("code", ["\0", "-", "x" * 100, "é", "{$ne: 1}", "\N{PILE OF POO}"])
async def test_text_that_is_no_code_is_refused(start, code):
    async with start() as server:
        assert await set_up(server, code) == REFUSED


@pytest.mark.parametrize("code", [None, 5, True, ["x"], {"$ne": 1}, "", "x" * 101, "x" * 60_000])
async def test_value_that_can_be_no_code_does_not_fit(start, code):
    async with start() as server:
        assert await set_up(server, code) == INVALID


async def test_odd_bodies_are_no_server_errors(start, tmp_path):
    async with start() as server:
        code = code_in(tmp_path).encode()
        half = b'{"code":"%s","email":"a@b.example","password":"difference-engine","name":' % code
        json = {"Content-Type": "application/json"}
        for body, status in (
            (b'{"code":"\\ud800"}', 422),
            (half + b'"\\udc00"}', 422),
            (half + b'"' + b"a" * 100_000 + b'"}', 413),
            (half + b"1e999}", 422),
            (half + b'"a","role":"student"}', 201),
        ):
            answer = await server.api.post("/auth/setup", content=body, headers=json)
            assert answer.status_code == status, answer.text
        # What is sent besides changes nothing.
        assert await administrators(server) == 1


async def test_audit_tells_of_the_set_up_and_of_refused_codes(start, tmp_path):
    async with start() as server:
        assert await set_up(server, WRONG) == REFUSED
        assert await set_up(server, code_in(tmp_path)) == MADE
        account = await server.documents["users"].find_one({})
        query = {"action": {"$regex": "^auth[.]"}}
        entries = await server.documents["audit"].find(query).to_list()
        told = {entry["action"]: entry["about"] for entry in entries}
    assert told == {
        "auth.set-up-refused": {},
        "auth.registered": {"account": str(account["_id"])},
        "auth.set-up": {"account": str(account["_id"])},
    }
