"""Mail servers, and servers of ours that send mail through them."""

from __future__ import annotations

import json

import pytest

from tests.support.mail_server import MailServer

PAGE = "https://attendance.school.example/reset"
FROM = "attendance@school.example"


@pytest.fixture
async def mail_servers():
    """Opens mail servers: ``await mail_servers(certificate)``."""
    opened = []

    async def open_one(certificate=None, **how):
        server = MailServer(certificate)
        await server.open(**how)
        opened.append(server)
        return server

    yield open_one
    for server in opened:
        await server.close()


@pytest.fixture
async def mail_server(mail_servers):
    """A mail server of this machine, to which nobody signs in."""
    return await mail_servers()


@pytest.fixture
def configure(monkeypatch):
    """Settings of the plugin, for a mail server of this machine unless said otherwise."""

    def to_environment(port, **settings):
        usual = {
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "mail_from": FROM,
            "reset_page": PAGE,
        }
        for name, value in {**usual, **settings}.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"QUARTAPP_MAIL_{name.upper()}", text)

    return to_environment


@pytest.fixture
def sending(serve, mail_server, configure):
    """Starts servers that send mail: ``await sending()``."""
    configure(mail_server.port)

    async def start(**options):
        return await serve(extra_plugins=("mail",), **options)

    return start


@pytest.fixture
def arrived(mail_server, eventually):
    """Waits for the mail that came as the nth, and returns the mail."""

    async def wait(number=1):
        async def enough():
            return len(mail_server.mails) >= number

        await eventually(enough)
        return mail_server.mails[number - 1]

    return wait


@pytest.fixture
def waiting():
    """The entries of the outbox that wait, in the order of their making."""

    async def read(server):
        found = server.documents["outbox"].find({"lane": {"$exists": True}})
        return await found.sort("order").to_list()

    return read


@pytest.fixture
def settled(eventually, waiting):
    """Waits until nothing waits in the outbox any more."""

    async def wait(server):
        async def none_waits():
            return not await waiting(server)

        await eventually(none_waits)

    return wait


@pytest.fixture
def failed(eventually, waiting):
    """Waits until the one order in the outbox has failed so often, and returns it."""

    async def wait(server, attempts=1):
        async def has_failed():
            found = await waiting(server)
            tried = [one for one in found if one["attempts"] >= attempts and "claim" not in one]
            return tried if len(tried) == len(found) == 1 else None

        return (await eventually(has_failed))[0]

    return wait


@pytest.fixture
def in_time(turned_clock, eventually):
    """Waits for a condition while the clock of the server goes on between deliveries."""

    async def wait(server, question, step=1.0):
        async def turned():
            if answer := await question():
                return answer
            # Never in a delivery, which has an end by this clock.
            if not await server.documents["outbox"].count_documents({"claim": {"$exists": True}}):
                await turned_clock.advance(step)
            return None

        return await eventually(turned)

    return wait
