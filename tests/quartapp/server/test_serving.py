"""``quartapp serve`` as a process: ready, stopping, and what it says."""

from __future__ import annotations

import asyncio
import signal
import stat
from urllib.parse import unquote

import pytest

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(serve_process, mongodb_uri, lesson, number):
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32)
    maths = await lesson(process.client, students=2)
    await maths.start()
    teacher, students = await maths.sockets()
    closing = [asyncio.create_task(socket.closed()) for socket in (teacher, *students)]
    assert await process.stop(number) == 0, process.stderr
    assert await asyncio.gather(*closing) == [1001] * 3
    assert "Traceback" not in process.stderr


async def test_marks_in_flight_at_a_stop_are_stored_or_were_not_shown(serve_process, lesson, mark):
    process = await serve_process()
    maths = await lesson(process.client, students=3)
    await maths.start()
    began = (await maths.session())["seq"]
    teacher, (watcher, *_) = await maths.sockets()
    sent = [mark(maths.students[n % 3], "present" if n % 4 else "absent") for n in range(200)]
    for data in sent:
        await teacher.send("ATTENDANCE_MARKED", data)
    await watcher.receive()
    closing = asyncio.create_task(watcher.closed())
    assert await process.terminate() == 0, process.stderr
    assert await closing == 1001
    shown = [frame["data"] for frame in watcher.history]
    assert shown == sent[: len(shown)]

    await process.start()
    session = await type(maths)(
        process.client, maths.teacher, maths.students, maths.class_room
    ).session()
    stored = sent[: session["seq"] - began]
    assert len(stored) >= len(shown)
    assert session["attendance"] == {data["studentId"]: data["status"] for data in stored}


async def test_it_says_when_it_is_ready(serve_process, mongodb_uri):
    process = await serve_process(uri=mongodb_uri, JWT_SECRET="s" * 32)
    # The password of the database is in no line.
    address = unquote(mongodb_uri.split("/")[2].rpartition("@")[2])
    port = process.client.url.rsplit(":", 1)[1]
    assert process.stdout == [f"Mongodb connected {address}", f"server running on PORT {port}"]


async def test_tokens_are_in_no_line_of_the_log(serve_process, mongodb_uri):
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32)
    client = process.client
    student = await client.person("student")
    socket = await client.socket(student)
    assert (await socket.ask("MY_ATTENDANCE"))["event"] == "ERROR"
    bad = f"{student.token[:-6]}forged"
    assert await (await client.socket(path=f"/ws?token={bad}")).closed() == 1008
    await client.api.get("/auth/me", headers=student.headers)
    await client.api.get("/auth/me", headers={"Authorization": f"Bearer {bad}"})
    await client.api.get(f"/nowhere?token={student.token}", headers=student.headers)
    await socket.connection.send("x" * 100_000)
    assert await socket.closed() == 1009
    assert await process.terminate() == 0
    said = process.stderr + "\n".join(process.stdout)
    for token in (student.token, bad):
        for part in token.split("."):
            assert part not in said
    assert student.password not in said


async def test_missing_secret_is_made_and_stored_for_its_owner_alone(serve_process, tmp_path):
    process = await serve_process()
    kept = tmp_path / "data" / "jwt-secret"
    secret = kept.read_text()
    assert len(secret.strip()) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    student = await process.client.person("student")
    assert await process.terminate() == 0
    await process.start()
    assert kept.read_text() == secret
    answer = await process.client.api.get("/auth/me", headers=student.headers)
    assert answer.status_code == 200, "tokens outlive a restart"


async def test_a_port_that_is_taken_is_one_message(serve_process, run_cli, mongodb_uri):
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32)
    port = process.client.url.rsplit(":", 1)[1]
    status, _, said = await run_cli("serve", "--port", port)
    assert status == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in said
    assert "Traceback" not in said
