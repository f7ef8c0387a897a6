"""Mail with one-time codes: what is in the mail, and what the code does."""

from __future__ import annotations

import re

import pytest

from quartapp_auth.credentials.codes import hash_of
from tests.plugins.quartapp_mail.conftest import FROM, PAGE

NEW = "difference-engine"
CODE = re.compile(r"\n\nThe code is ((?:[0-9A-Z]{4}-){6}[0-9A-Z]{2})\.\n")
MAILED = {"code": None, "expiresAt": None, "mailed": True}


async def employed(server, admin, **fields):
    """Let an administrator make an account; return its id."""
    body = {"name": "Ada", "email": "ada@school.example", "role": "teacher", **fields}
    answer = await server.api.post("/admin/people", json=body, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["_id"]


async def offered(server, admin, person_id):
    answer = await server.api.post(f"/admin/people/{person_id}/reset", headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


async def reset(server, code, password=NEW):
    body = {"code": code, "newPassword": password}
    return (await server.api.post("/auth/reset", json=body)).status_code


def taken(mail_server, number=1):
    """Return the question for the mail that came as the nth."""

    async def come():
        return mail_server.mails[number - 1] if len(mail_server.mails) >= number else None

    return come


def code_in(mail):
    return CODE.search(mail.text)[1]


async def test_an_administrators_reset_is_mailed_and_not_shown(sending, arrived, settled):
    server = await sending()
    admin = await server.person("admin", name="Charles Babbage")
    ada = await employed(server, admin, name="Ada Łukasiewicz 李")
    assert await offered(server, admin, ada) == MAILED
    mail = await arrived()
    assert (mail.sender, mail.recipients) == (FROM, ("ada@school.example",))
    message = mail.message
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert message["To"].addresses[0].display_name == "Ada Łukasiewicz 李"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@school.example>")
    code = code_in(mail)
    assert mail.text.startswith("Hello Ada Łukasiewicz 李,\n\nCharles Babbage, who administers ")
    assert f"\n{PAGE}#code={code}\n" in mail.text
    await settled(server)
    assert await reset(server, code) == 200
    assert await reset(server, code) == 400
    assert await server.sign_in("ada@school.example", NEW)


async def test_who_has_no_address_gets_no_mail_and_the_code_is_shown(sending, mail_server):
    server = await sending()
    admin = await server.person("admin")
    body = {"name": "Kay", "username": "kay", "role": "student"}
    made = await server.api.post("/admin/people", json=body, headers=admin.headers)
    shown = await offered(server, admin, made.json()["data"]["_id"])
    assert shown["mailed"] is False
    assert await reset(server, shown["code"]) == 200
    assert mail_server.connections == 0


async def test_a_mailed_code_proves_the_address(sending, arrived):
    server = await sending()
    admin, person = await server.person("admin"), await server.person("student")

    async def vouched():
        path = f"/admin/people/{person.id}"
        answer = await server.api.get(path, headers=admin.headers)
        return answer.json()["data"]["vouched"]

    await offered(server, admin, person.id)
    assert await vouched() is False
    assert await reset(server, code_in(await arrived())) == 200
    assert await vouched() is True


async def test_a_mailed_code_is_of_no_use_once_the_account_has_another_address(sending, arrived):
    server = await sending()
    admin, person = await server.person("admin"), await server.person("student")
    await offered(server, admin, person.id)
    code = code_in(await arrived())
    change = {"$set": {"email": "another@school.example"}}
    await server.documents["users"].update_one({"email": person.email}, change)
    assert await reset(server, code) == 400


async def test_neither_the_database_nor_the_log_has_a_mailed_code(
    sending, mail_server, turned_clock, failed, in_time, settled, caplog, capsys
):
    server = await sending(clock=turned_clock)
    admin, person = await server.person("admin"), await server.person("student")
    mail_server.answers["."].append("451 try later")
    await offered(server, admin, person.id)
    order = await failed(server)
    assert order["data"] == {"account": person.id, "by": admin.id}
    code = code_in(await in_time(server, taken(mail_server)))
    await settled(server)
    stored = {
        name: await server.documents[name].find({}).to_list()
        for name in ("outbox", "oneTimeCodes", "audit", "resetMails")
    }
    assert stored["oneTimeCodes"][0]["hash"] == hash_of(code)
    said = capsys.readouterr()
    text = f"{stored}{said.out}{said.err}{caplog.text}"
    assert "a one-time code was mailed" in text
    assert code not in text
    assert code.replace("-", "") not in text
    assert person.email not in said.out + said.err + caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "Ada\r\nBcc: eve@evil.example",
        "Ada\n\nRun!",
        "Ada\u2028\x00\x0b\x7f",
        'Ada "<eve@x.example>,',
    ],
    ids=["header", "end of headers", "other ends of lines", "address"],
)
async def test_a_name_adds_neither_a_header_nor_a_recipient(sending, arrived, name):
    server = await sending()
    admin = await server.person("admin", name="Grace\r\nX-Evil: yes")
    ada = await employed(server, admin, name=name)
    assert await offered(server, admin, ada) == MAILED
    mail = await arrived()
    assert mail.recipients == ("ada@school.example",)
    assert [one.addr_spec for one in mail.message["To"].addresses] == ["ada@school.example"]
    assert set(mail.message) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }
    assert "\nX-Evil" not in mail.text
    assert await reset(server, code_in(mail)) == 200


async def test_a_name_that_nobody_stands_for_is_not_mailed(sending, arrived):
    server = await sending()
    person = await server.person("student", name="Cheap watches at evil.example")
    await server.api.post("/auth/forgot", json={"email": person.email})
    mail = await arrived()
    assert mail.text.startswith(
        f"Hello,\n\nSomebody asked for a new password for the account {person.email}."
    )
    assert b"evil" not in mail.raw
    assert mail.message["To"] == person.email


async def test_a_mail_that_is_delivered_again_replaces_the_code(
    sending, mail_server, turned_clock, in_time, failed
):
    server = await sending(clock=turned_clock)
    admin, person = await server.person("admin"), await server.person("student")
    # The mail server has the mail, and we do not hear so.
    mail_server.answers["."].append(None)
    await offered(server, admin, person.id)
    await failed(server)
    first = code_in(mail_server.mails[0])
    second = code_in(await in_time(server, taken(mail_server, 2)))
    assert await reset(server, first) == 400
    assert await reset(server, second) == 200
