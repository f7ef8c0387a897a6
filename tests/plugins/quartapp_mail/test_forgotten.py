"""``POST /auth/forgot``: who gets a mail, how often, and what nobody learns."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import Identity, core
from quartapp_auth import UserService
from tests.plugins.quartapp_mail.test_mail import code_in, employed, reset
from tests.support.failing_commands import OPTIONS, fail

ANSWER = {
    "success": True,
    "data": {"message": "If the address has an account, a mail is on its way"},
}
NOBODY = "nobody@school.example"


async def forgot(server, email, address=None):
    headers = {} if address is None else {"X-Forwarded-For": address}
    return await server.api.post("/auth/forgot", json={"email": email}, headers=headers)


async def asked(server, email, address=None):
    answer = await forgot(server, email, address)
    assert (answer.status_code, answer.json()) == (200, ANSWER)


async def test_only_who_has_an_account_gets_a_mail_and_all_get_one_answer(
    sending, mail_server, arrived, settled
):
    server = await sending()
    person = await server.person("student")
    for email in (NOBODY, person.email.upper(), f" {NOBODY}"):
        await asked(server, email)
    mail = await arrived()
    await settled(server)
    assert [one.recipients for one in mail_server.mails] == [(person.email,)]
    assert await server.sign_in(person.email, person.password)
    assert await reset(server, code_in(mail)) == 200


@pytest.mark.parametrize("plugins", [(), ("mail",)], ids=["no plugin", "no mail server"])
async def test_a_server_that_sends_no_mail_says_so(serve, plugins):
    server = await serve(extra_plugins=plugins)
    person = await server.person("student")
    for email in (person.email, NOBODY):
        answer = await forgot(server, email)
        assert answer.status_code == 403
        assert answer.json()["error"] == "Forbidden, this server sends no mail"
    assert await server.documents["outbox"].count_documents({}) == 0


async def test_nothing_is_looked_up_before_the_answer(own_mongod, sending, mail_server, arrived):
    mongod = own_mongod(*OPTIONS)
    server = await sending(mongodb_uri=mongod.uri)
    person = await server.person("student")
    fail(mongod, "users", "find")
    await asked(server, person.email)
    await asked(server, NOBODY)
    assert mail_server.mails == []
    fail(mongod, "users")
    assert (await arrived()).recipients == (person.email,)


async def test_who_may_not_sign_in_here_gets_no_mail(sending, mail_server, settled):
    server = await sending()
    admin = await server.person("admin")
    users = core(server.app).services.get(UserService)
    disabled = await server.person("student")
    await server.api.post(f"/admin/people/{disabled.id}/disable", headers=admin.headers)
    elsewhere = Identity(
        subject="1",
        issuer="https://login.school.example",
        name="Mary",
        email="mary@school.example",
        email_verified=True,
        role="teacher",
    )
    mary = await users.sign_in(elsewhere)
    imported = await employed(server, admin, email="imported@school.example")
    await server.documents["users"].update_one(
        {"email": "imported@school.example"}, {"$set": {"sourcedId": "s-1"}}
    )
    for email in (disabled.email, "mary@school.example", "imported@school.example"):
        await asked(server, email)
    await settled(server)
    assert mail_server.connections == 0
    # Whoever has a password here may forget it.
    for key in (str(mary.id), imported):
        path, body = f"/admin/people/{key}/password", {"password": "analytical-engine"}
        answer = await server.api.put(path, json=body, headers=admin.headers)
        assert answer.status_code == 200
    for email in ("mary@school.example", "imported@school.example"):
        await asked(server, email)
    await settled(server)
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == [
        "imported@school.example",
        "mary@school.example",
    ]


async def test_who_has_no_password_yet_can_ask_for_the_first(sending, arrived):
    server = await sending()
    await employed(server, await server.person("admin"), email="new@school.example")
    await asked(server, "new@school.example")
    assert await reset(server, code_in(await arrived())) == 200


async def test_an_account_gets_one_mail_in_five_minutes_from_all_servers_together(
    sending, mail_server, turned_clock, settled, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_PAIR", "100")
    servers = [await sending(clock=turned_clock), await sending(clock=turned_clock)]
    for server in servers:
        server.api.headers["Connection"] = "close"  # the turned clock ends those that are kept
    person, other = [await servers[0].person("student") for _ in range(2)]
    await asyncio.gather(*(asked(servers[n % 2], person.email) for n in range(12)))
    await asked(servers[0], other.email)
    await settled(servers[0])
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == sorted(
        [person.email, other.email]
    )
    for seconds, mails in ((299, 2), (1, 3)):
        await turned_clock.advance(seconds)
        await asked(servers[1], person.email)
        await settled(servers[1])
        assert len(mail_server.mails) == mails


async def test_requests_are_limited_alike_whether_or_not_there_is_an_account(
    sending, turned_clock, monkeypatch
):
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_PAIR", "2")
    monkeypatch.setenv("QUARTAPP_AUTH_FAILURES_PER_NETWORK", "7")
    server = await sending(clock=turned_clock, trusted_proxies=1)
    server.api.headers["Connection"] = "close"
    person = await server.person("student")

    async def answered(email, address):
        answer = await forgot(server, email, address)
        return answer.status_code, answer.headers.get("Retry-After")

    for email in (person.email, NOBODY):
        told = [await answered(email, "192.0.2.7") for _ in range(3)]
        assert told == [(200, None), (200, None), (429, "1")]
    assert await answered(person.email, "198.51.100.7") == (200, None)
    third = "third@school.example"
    told = [await answered(f"{n}{third}", "192.0.2.9") for n in range(4)]
    assert told == [(200, None), (200, None), (200, None), (429, "600")]
    # Signing in has limits of its own.
    headers = {"X-Forwarded-For": "192.0.2.7"}
    body = {"email": person.email, "password": person.password}
    assert (await server.api.post("/auth/login", json=body, headers=headers)).status_code == 200


async def test_requests_and_mails_are_recorded_in_the_audit(sending, arrived, settled):
    server = await sending()
    admin, person = await server.person("admin"), await server.person("student")
    await asked(server, NOBODY)
    await settled(server)
    await asked(server, person.email)
    await arrived()
    await server.api.post(f"/admin/people/{person.id}/reset", headers=admin.headers)
    await arrived(2)
    found = server.documents["audit"].find({"action": {"$regex": "^mail[.]"}})
    entries = await found.sort([("day", 1), ("number", 1)]).to_list()
    told = [(one["action"], one["who"], one["way"], one["about"]) for one in entries]
    about = {"account": person.id}
    assert told == [
        ("mail.reset-asked", None, "client", {}),
        ("mail.reset-asked", None, "client", {}),
        ("mail.reset-ordered", None, "server", about),
        ("mail.reset-ordered", admin.id, "client", about),
    ]
    assert all(one["network"] for one in entries if one["way"] == "client")
    assert person.email not in str(entries)
