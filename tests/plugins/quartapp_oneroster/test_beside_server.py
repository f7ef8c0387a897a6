"""An import beside a server of several workers, which have their embedded database in common."""

from __future__ import annotations

from tests.plugins.quartapp_oneroster.conftest import RosterSet


async def test_sockets_of_all_workers_are_shown_who_an_import_put_on_the_roll(
    serve_process, run_cli, mark, tmp_path
):
    process = await serve_process("--workers", "2")
    teacher = await process.client.person("teacher")
    here, newcomer = await process.client.people("student", 2)

    async def bring_in(*students):
        rows = RosterSet(tmp_path / "set").user("tea", "teacher", email=teacher.email)
        rows.class_("c1", "Algebra").enrol("tea", "c1", "teacher", primary="true")
        for student in students:
            rows.user(student.id, email=student.email).enrol(student.id, "c1")
        status, _, errors = await run_cli(
            *("roster", "import", str(rows.write()), "--data-dir", str(tmp_path / "data")),
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
