"""``quartapp audit`` beside a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quartapp import core

pytestmark = pytest.mark.processes

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "howto" / "verify_audit.py"


@pytest.fixture
async def asked(serve, run_cli):
    """Return a server, and a function that runs ``quartapp audit`` on its database."""
    server = await serve()
    uri = core(server.app).settings.mongodb_uri.get_secret_value()

    async def run(*arguments):
        return await run_cli("audit", *arguments, MONGODB_URI=uri)

    return server, run


async def test_show_filters_entries_and_verify_shows_the_end(asked):
    server, run = asked
    people = [await server.person(role) for role in ("teacher", "student")]
    headers = people[0].headers
    assert (
        await server.api.post("/class", json={"className": "Maths"}, headers=headers)
    ).is_success
    status, output, errors = await run("show", "--action", "auth.registered", "--json")
    assert status == 0, errors
    found = [json.loads(line)["about"]["account"] for line in output.splitlines()]
    assert found == [person.id for person in reversed(people)]
    _, output, _ = await run("show", "--who", people[0].id)
    (line,) = output.splitlines()
    assert f"classes.created, by {people[0].id}, from 127.0.0.1, class " in line
    _, output, _ = await run("show", "--day", "2001-01-01")
    assert output == ""
    status, output, errors = await run("verify")
    assert status == 0, errors
    kept = output.splitlines()[-1].removeprefix("head: ")
    await server.person("student")
    status, output, errors = await run("verify", "--head", kept)
    assert status == 0, errors
    status, _, errors = await run("verify", "--head", kept.split("/")[0])
    assert status == 2


async def test_verify_names_the_first_broken_entry(asked):
    server, run = asked
    await server.person("teacher")
    audit = server.documents["audit"]
    entry = await audit.find_one({"action": "auth.registered"})
    await audit.update_one({"_id": entry["_id"]}, {"$set": {"after.role": "admin\x1b"}})
    status, output, errors = await run("verify")
    wanted = f"Error: entry {entry['number']} of {entry['day']} was changed"
    assert (status, output, errors.splitlines()[-1]) == (1, "", wanted)
    _, output, _ = await run("show", "--last", "0")
    assert "\x1b" not in output


async def test_outsider_verifies_the_audit_with_the_script_of_the_documentation(asked):
    server, run = asked
    await server.person("teacher")
    _, output, _ = await run("show", "--last", "0", "--json")

    def verify(text):
        return subprocess.run(  # noqa: S603 - our own script
            [sys.executable, str(SCRIPT)], input=text, capture_output=True, text=True, check=False
        )

    _, told, _ = await run("verify")
    right = verify(output)
    assert right.stdout.split()[-1] == told.split()[-1]
    lines = output.splitlines()
    for wrong in (lines[1:2] + lines[3:], [lines[0].replace('"at":"2', '"at":"1'), *lines[1:]]):
        assert verify("\n".join(wrong)).returncode == 1
