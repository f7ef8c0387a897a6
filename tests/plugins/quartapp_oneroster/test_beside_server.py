"""An import beside a server of several workers, which have their embedded database in common."""

from __future__ import annotations

import uuid

import pytest

from quartapp.testing import Person
from quartapp.testing.clients import data_of
from tests.plugins.quartapp_oneroster.conftest import RosterSet

pytestmark = pytest.mark.processes

PASSWORD = "difference-engine"


async def test_sockets_of_all_workers_are_shown_who_an_import_put_on_the_roll(
    serve_process, run_cli, mark, tmp_path
):
    process = await serve_process("--workers", "2")
    data = ("--data-dir", str(tmp_path / "data"))

    async def account(role):
        """An account that an administrator has made, which an import may link."""
        email = f"{uuid.uuid4().hex}@school.example"
        command = ("user", "create", email, "--name", "Ada", "--role", role, "--password-stdin")
        status, _, errors = await run_cli(*command, *data, stdin=f"{PASSWORD}\n")
        assert status == 0, errors
        token = await process.client.sign_in(email, PASSWORD)
        headers = {"Authorization": f"Bearer {token}"}
        known = data_of(await process.client.api.get("/auth/me", headers=headers))
        return Person(known["_id"], "ada", email, PASSWORD, role, token)

    teacher, here, newcomer = [await account(role) for role in ("teacher", "student", "student")]

    async def bring_in(*students):
        rows = RosterSet(tmp_path / "set").user("tea", "teacher", email=teacher.email)
        rows.class_("c1", "Algebra").enrol("tea", "c1", "teacher", primary="true")
        for student in students:
            rows.user(student.id, email=student.email).enrol(student.id, "c1")
        status, _, errors = await run_cli(
            *("roster", "import", str(rows.write()), *data),
            QUARTAPP_EXTRA_PLUGINS="oneroster",
        )
        assert status == 0, errors

    await bring_in(here)
    started = await process.client.api.post(
        "/attendance/start", json={"className": "Algebra"}, headers=teacher.headers
    )
    assert started.status_code == 200, started.text
    sockets = [await process.socket_on(worker, teacher) for worker in sorted(process.workers)]
    for socket in sockets:
        refused = await socket.ask("ATTENDANCE_MARKED", mark(newcomer))
        assert refused["event"] == "ERROR"

    await bring_in(here, newcomer)

    await sockets[0].send("ATTENDANCE_MARKED", mark(newcomer))
    for socket in sockets:
        assert (await socket.until("ATTENDANCE_MARKED"))["data"] == mark(newcomer)
    assert await process.terminate() == 0
