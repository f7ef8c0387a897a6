"""``quartapp backup``: beside a running server, and into a new one."""

from __future__ import annotations

import asyncio
import re
import stat

import pytest

from quartapp import core
from quartapp.testing.databases import with_database


@pytest.fixture
async def served(serve, run_cli, tmp_path):
    """Return a server, a function that runs the command, and the URI of an empty database."""
    server = await serve()
    parts = core(server.app)
    uri = parts.settings.mongodb_uri.get_secret_value()
    other = f"{parts.database.documents.name}_other"

    async def run(*arguments, on=uri):
        return await run_cli("backup", *map(str, arguments), MONGODB_URI=on)

    yield server, run, with_database(uri, other)
    await parts.database.documents.client.drop_database(other)


async def test_a_roll_call_comes_back_on_another_database(served, serve, lesson, mark, tmp_path):
    server, run, other = served
    maths = await lesson(server, students=2)
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    key, file = tmp_path / "key.txt", tmp_path / "school.backup"
    status, public, errors = await run("key", key)
    assert status == 0, errors
    status, output, errors = await run("make", file, "--to", public.strip())
    assert status == 0, errors
    assert re.fullmatch(rf"{file}: \d+ documents in \d+ collections, \d+ bytes\n", output)
    assert [stat.S_IMODE(made.stat().st_mode) for made in (file, key)] == [0o600, 0o600]
    assert maths.teacher.email.encode() not in file.read_bytes()
    # What comes later is not in it.
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[1]))

    status, output, errors = await run("check", file, "--key", key)
    assert status == 0, errors
    assert output.startswith(f"{file} is whole: ")
    status, output, errors = await run("restore", file, "--key", key, on=other)
    assert status == 0, errors
    assert "JWT_SECRET" in output

    again = await serve(mongodb_uri=other)
    headers = maths.teacher.headers
    state = (await again.api.get("/attendance/session", headers=headers)).json()["data"]
    assert state["classId"] == maths.class_id
    assert state["attendance"] == {maths.students[0].id: "present"}
    audit = core(again.app).database.documents["audit"]
    found = await audit.find(
        {"action": {"$in": ["quartapp.backed-up", "quartapp.restored"]}}
    ).to_list()
    assert [entry["action"] for entry in found] == ["quartapp.backed-up", "quartapp.restored"]
    assert [entry["after"].get("encrypted") for entry in found] == [True, None]


async def test_mistakes_are_one_sentence_and_change_nothing(served, tmp_path):
    server, run, other = served
    await server.person("teacher")
    file, key = tmp_path / "school.backup", tmp_path / "key.txt"
    _, public, _ = await run("key", key)
    await run("key", tmp_path / "another.txt")
    assert (await run("make", file, "--to", public.strip()))[0] == 0
    content = file.read_bytes()
    cut = tmp_path / "cut.backup"
    cut.write_bytes(content[:-20])
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"\xff")
    mistakes = [
        (("make", file), "is there already"),
        (("make", tmp_path / "no" / "such"), "cannot write"),
        (("make", tmp_path / "new", "--to", "age1"), "not the public half of a key"),
        (("key", key), "is there already"),
        (("check", tmp_path / "none"), "cannot read"),
        (("check", key), "this is no backup"),
        (("check", file), "give the file of its key with --key"),
        (("check", file, "--key", tmp_path / "another.txt"), "cannot be opened with this key"),
        (("check", file, "--key", broken), "cannot read"),
        (("check", cut, "--key", key), "cannot be opened with this key"),
        (("restore", file, "--key", key), "is not empty"),
    ]
    for arguments, why in mistakes:
        status, output, errors = await run(*arguments)
        assert (status, output) == (2, ""), arguments
        assert errors.splitlines()[-1].startswith("Error: "), errors
        assert why in errors
        assert "Traceback" not in errors
    status, _, errors = await run("restore", cut, "--key", key, on=other)
    assert (status, "cannot be opened" in errors) == (2, True)
    kept = {"another.txt", "broken.txt", "cut.backup", "key.txt", "school.backup"}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} >= kept
    assert not list(tmp_path.glob("*.partial"))
    assert file.read_bytes() == content
    assert (
        await core(server.app)
        .database.documents.client[other.rpartition("/")[2].partition("?")[0]]
        .list_collection_names()
        == []
    )


async def test_a_standalone_mongodb_is_backed_up_while_no_server_runs(
    own_mongod, run_cli, tmp_path
):
    mongod = await asyncio.to_thread(own_mongod)
    file = tmp_path / "school.backup"
    status, _, errors = await run_cli("backup", "make", str(file), MONGODB_URI=mongod.uri)
    assert status == 2
    assert errors.splitlines()[-1] == (
        "Error: a standalone MongoDB cannot be read at one moment: "
        "stop the servers, and say so with --stopped"
    )
    status, _, errors = await run_cli(
        "backup", "make", str(file), "--stopped", MONGODB_URI=mongod.uri
    )
    assert status == 0, errors
    status, output, errors = await run_cli("backup", "check", str(file))
    assert status == 0, errors
    assert f"{file} is whole: " in output
