"""Mail servers that are down, refuse, or are not who they say they are."""

from __future__ import annotations

import uuid

import pytest
import trustme

from quartapp import core
from tests.plugins.quartapp_mail.test_mail import code_in, offered, reset, taken
from tests.support.certificates import presenting

USER = {"smtp_user": "attendance", "smtp_password": "the password of the mail server"}


@pytest.fixture
def given_up(eventually):
    """Waits until a mail was given up, and returns what the outbox tells of its kind."""

    async def wait(server):
        async def is_dead():
            found = await core(server.app).outbox.store.summary()
            return found if found and found[0]["dead"] else None

        return (await eventually(is_dead))[0]

    return wait


async def asked(server):
    """Let an administrator ask for somebody's code; return the person."""
    admin, person = await server.person("admin"), await server.person("student")
    await offered(server, admin, person.id)
    return person


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_travels_encrypted_and_by_whom_the_mail_server_knows(
    serve, mail_servers, configure, trusted_authority, eventually, security
):
    certificate = presenting(trusted_authority.issue_cert("localhost"))
    mail_server = await mail_servers(certificate, tls=security == "tls")
    mail_server.password = USER["smtp_password"]
    configure(mail_server.port, smtp_host="localhost", smtp_security=security, **USER)
    server = await serve(extra_plugins=("mail",))
    await asked(server)
    mail = await eventually(taken(mail_server))
    assert (mail.user, mail.encrypted) == ("attendance", True)
    assert await reset(server, code_in(mail)) == 200


@pytest.mark.parametrize(
    ("security", "fault"),
    [
        ("starttls", "another name"),
        ("starttls", "unknown authority"),
        ("starttls", "no certificate"),
        ("tls", "another name"),
        ("tls", "unknown authority"),
    ],
)
async def test_a_mail_server_that_is_not_who_it_says_gets_neither_password_nor_mail(
    serve, mail_servers, configure, trusted_authority, failed, security, fault
):
    of = trustme.CA() if fault == "unknown authority" else trusted_authority
    name = "other.example" if fault == "another name" else "localhost"
    certificate = None if fault == "no certificate" else presenting(of.issue_cert(name))
    mail_server = await mail_servers(certificate, tls=security == "tls")
    mail_server.password = USER["smtp_password"]
    configure(mail_server.port, smtp_host="localhost", smtp_security=security, **USER)
    server = await serve(extra_plugins=("mail",))
    await asked(server)
    reason = (await failed(server))["reason"]
    assert ("STARTTLS" if fault == "no certificate" else "certificate verify failed") in reason
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & {*mail_server.tried}
    assert await server.documents["oneTimeCodes"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("HELLO", "421 too many connections"),
        ("MAIL", "451 try later"),
        ("MAIL", "550 not this sender"),
        ("RCPT", "450 try later"),
        ("DATA", "451 try later"),
        (".", "452 full"),
    ],
)
async def test_what_passes_is_tried_again_with_a_fresh_code(
    sending, mail_server, turned_clock, failed, in_time, command, answer
):
    mail_server.answers[command].append(answer)
    server = await sending(clock=turned_clock)
    await asked(server)
    assert answer[:3] in (await failed(server))["reason"]
    mail = await in_time(server, taken(mail_server))
    assert await reset(server, code_in(mail)) == 200


@pytest.mark.parametrize(("command", "code"), [("RCPT", 550), ("DATA", 554), (".", 552)])
async def test_what_will_never_be_taken_is_dead_and_can_be_tried_again(
    sending, mail_server, arrived, given_up, command, code
):
    server = await sending()
    admin, person = await server.person("admin"), await server.person("student")
    mail_server.answers[command].append(f"{code} 5.1.1 <{person.email}>: unknown\x1b[31m")
    await offered(server, admin, person.id)
    dead = await given_up(server)
    assert (dead["plugin"], dead["kind"], dead["dead"], dead["waiting"]) == ("mail", "reset", 1, 0)
    assert str(code) in dead["reason"]
    assert person.email not in dead["reason"]
    assert "\x1b" not in dead["reason"]
    assert await core(server.app).outbox.store.retry({"plugin": "mail"}) == 1
    core(server.app).outbox.look()
    assert await reset(server, code_in(await arrived())) == 200


async def test_an_address_that_no_mail_can_have_is_given_up_with_a_reason(
    sending, mail_server, given_up
):
    server = await sending()
    admin = await server.person("admin")
    person = {
        "name": "Ada",
        "email": f"ada..{uuid.uuid4().hex}@school.example",
        "password": "a password of Ada",
        "role": "student",
    }
    made = await server.api.post("/auth/register", json=person)
    assert made.status_code == 201, made.text
    await offered(server, admin, made.json()["data"]["_id"])
    assert (await given_up(server))["reason"] == "the address is none for a mail"
    assert mail_server.mails == []


async def test_wrong_password_of_the_mail_server_is_no_reason_to_give_up(
    serve, mail_servers, configure, trusted_authority, failed, caplog, capsys
):
    mail_server = await mail_servers(presenting(trusted_authority.issue_cert("localhost")))
    mail_server.password = "another password"
    configure(mail_server.port, smtp_host="localhost", smtp_security="starttls", **USER)
    server = await serve(extra_plugins=("mail",))
    await asked(server)
    assert "535" in (await failed(server))["reason"]
    assert mail_server.mails == []
    said = capsys.readouterr()
    text = said.out + said.err + caplog.text
    assert "not delivered" in text
    assert USER["smtp_password"] not in text


async def test_a_mail_server_that_is_down_holds_up_only_mail_and_makes_no_code(
    sending, mail_server, turned_clock, failed, in_time
):
    mail_server.answers["HELLO"].extend([None] * 1000)
    server = await sending(clock=turned_clock)
    person = await asked(server)
    await failed(server)
    assert await server.documents["oneTimeCodes"].count_documents({}) == 0
    assert await server.sign_in(person.email, person.password)
    mail_server.answers["HELLO"].clear()
    mail = await in_time(server, taken(mail_server))
    assert await reset(server, code_in(mail)) == 200


async def test_mail_is_given_up_after_some_hours(sending, mail_server, turned_clock, in_time):
    mail_server.answers["MAIL"].extend(["451 try later"] * 100)
    server = await sending(clock=turned_clock)
    await asked(server)

    async def dead():
        return await server.documents["outbox"].find_one({"expires": {"$exists": True}})

    entry = await in_time(server, dead, step=100.0)
    assert entry["attempts"] == 16
    assert mail_server.mails == []
