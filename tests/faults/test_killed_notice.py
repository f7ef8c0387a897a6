"""A server that is killed between the order of a notice and its mail: another sends it, once."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.mail_server import MailServer

STUDENTS = 5


@pytest.fixture
async def mail_server():
    server = MailServer()
    await server.open()
    yield server
    await server.close()


@pytest.mark.smoke
async def test_notices_that_were_ordered_before_a_kill_are_sent_once(
    serve_process, run_cli, lesson, mongodb_uri, mail_server, eventually
):
    mail_server.answers["HELLO"].extend(["421 too many connections"] * 10_000)
    process = await serve_process(
        *("--plugin", "mail", "--plugin", "guardians"),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
        QUARTAPP_MAIL_SMTP_HOST="127.0.0.1",
        QUARTAPP_MAIL_SMTP_PORT=str(mail_server.port),
        QUARTAPP_MAIL_SMTP_SECURITY="none",
        QUARTAPP_MAIL_MAIL_FROM="attendance@school.example",
        QUARTAPP_MAIL_RESET_PAGE="https://attendance.school.example/reset",
        QUARTAPP_GUARDIANS_NOTICES="true",
        QUARTAPP_GUARDIANS_NOTICE_FROM="00:00",
        QUARTAPP_GUARDIANS_NOTICE_MINUTES="0",
    )
    client = process.client
    maths = await lesson(client, students=STUDENTS)
    person = await client.person("teacher")
    given = {"MONGODB_URI": mongodb_uri, "JWT_SECRET": "s" * 32}
    assert (await run_cli("user", "set-role", person.email, "admin", **given))[0] == 0
    token = await client.sign_in(person.email, person.password)
    admin = dataclasses.replace(person, token=token)
    for number, student in enumerate(maths.students):
        body = {"name": "Mary", "email": f"mary{number}@home.example", "language": "en"}
        path = f"/student/{student.id}/guardians"
        added = await client.api.post(path, json=body, headers=admin.headers)
        assert added.status_code == 201, added.text
    await maths.start()
    socket = await client.socket(maths.teacher)
    await socket.ask("DONE")
    await socket.close()

    async def notices():
        path = "/attendance/notices"
        answer = await process.client.api.get(path, headers=admin.headers)
        return [one["state"] for one in answer.json()["data"]]

    async def ordered():
        return await notices() == ["ordered"] * STUDENTS

    await eventually(ordered)
    await process.kill()
    mail_server.answers["HELLO"].clear()
    await process.start()

    async def sent():
        return await notices() == ["sent"] * STUDENTS

    await eventually(sent)
    recipients = sorted(mail.recipients[0] for mail in mail_server.mails)
    assert recipients == [f"mary{number}@home.example" for number in range(STUDENTS)]
    assert await process.terminate() == 0
