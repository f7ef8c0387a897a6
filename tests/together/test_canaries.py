"""No secret is in what a server says of itself: log lines in every form, metrics, traces.

The secrets are canaries: words that are nowhere else, which are looked for afterwards.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sys
from pathlib import Path

import pytest
import rich.traceback
import structlog

import quartapp_contract_suite
from quartapp import core, hookimpl
from quartapp.telemetry.logs import log_handler, send_logs
from quartapp.testing import SECRET
from quartapp_contract_suite.people import PASSWORD
from tests.support.mail_server import MailServer
from tests.support.plugins import OPTIONAL

pytestmark = pytest.mark.processes

SUITE_SECONDS = 600.0
WEBHOOK_KEY = base64.b64encode(b"the canary of webhooks, long enough").decode()
IN_ADDRESS = "canary-in-the-address"
MAIL_PASSWORD = "canary-of-the-mail-server"


class FailingSignIn:
    """A policy that fails with the password in its hands."""

    name = "directory"

    @hookimpl
    async def authorize(self, action, resource):
        if action == "login" and resource["body"].identifier.startswith("canary"):
            held = {"password": resource["body"].password}
            await asyncio.sleep(0)
            raise RuntimeError(f"the directory has {len(held)} faults")


@pytest.fixture
def logged():
    """Everything that is logged from here on, by the name of its form."""
    before, root = structlog.get_config(), logging.getLogger()
    kept = root.handlers, root.level
    streams = {"terminal": io.StringIO(), "json": io.StringIO()}
    send_logs(
        "debug",
        *(log_handler(text, terminal=name == "terminal") for name, text in streams.items()),
    )
    # The loggers of modules would be this test's for good.
    structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
    yield streams
    structlog.configure(**before)
    root.handlers = kept[0]
    root.setLevel(kept[1])


async def run_suite(url):
    """Run the tables of the contract suite, for routes and sockets, against ``url``."""
    folder = Path(quartapp_contract_suite.__file__).parent
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *(str(folder / "http" / "test_table.py"), str(folder / "websocket" / "test_table.py")),
        str(folder / "websocket" / "test_tokens.py"),
        *("--base-url", url, "--contract-depth", "quick", "--contract-jwt-secret", SECRET),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SUITE_SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


@pytest.fixture
async def mail_server():
    """A mail server that refuses our password."""
    server = MailServer()
    await server.open()
    server.password = "another password"
    yield server
    await server.close()


def send_mail_by(mail_server, monkeypatch):
    """Set the settings of the mail plugin."""
    settings = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_server.port),
        "SMTP_SECURITY": "none",
        "SMTP_USER": "attendance",
        "SMTP_PASSWORD": MAIL_PASSWORD,
        "MAIL_FROM": "attendance@school.example",
        "RESET_PAGE": "https://attendance.school.example/reset",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"QUARTAPP_MAIL_{name}", value)


@pytest.mark.parametrize("noisy", [False, True], ids=["suite", "asyncio in debug mode"])
async def test_no_secret_is_told(
    serve, logged, collector, monkeypatch, eventually, mail_server, noisy
):
    assert rich.traceback, "with which structlog shows variables, where nobody keeps it from that"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    # Nobody listens there: each delivery fails, which is logged.
    endpoint = {"url": f"http://127.0.0.1:9/?key={IN_ADDRESS}", "secret": f"whsec_{WEBHOOK_KEY}"}
    monkeypatch.setenv("QUARTAPP_WEBHOOKS_ENDPOINTS", json.dumps([endpoint]))
    monkeypatch.setenv("QUARTAPP_WEBHOOKS_ALLOW_PRIVATE", "true")
    if noisy:
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0.0
        # The suite below is for a server that sends no mail.
        send_mail_by(mail_server, monkeypatch)
    server = await serve(beside=[FailingSignIn], extra_plugins=OPTIONAL, log_level="debug")
    person = await server.person("student")
    await server.sign_in(person.email, person.password)
    if noisy:
        await server.api.post("/auth/forgot", json={"email": person.email})

        async def refused_by_mail_server():
            return "the mail server answered 535" in logged["terminal"].getvalue()

        await eventually(refused_by_mail_server)
    canary = {"email": "canary@example.org", "password": "canary-in-a-sign-in"}
    assert (await server.api.post("/auth/login", json=canary)).status_code == 500
    await server.api.post("/auth/login", json={"email": person.email, "password": [PASSWORD]})
    await server.api.get(f"/class?token={IN_ADDRESS}", headers=person.headers)
    socket = await server.socket(person)
    assert (await socket.ask("AUTH", {"token": [person.token]}))["event"] == "ERROR"
    refused = await server.socket(path=f"/ws?token={IN_ADDRESS}")
    assert await refused.closed() == 1008
    if not noisy:
        await run_suite(server.url)
    metrics = (await server.api.get(f"{server.url}/metrics")).text

    async def told():
        return "the directory has 1 faults" in logged["terminal"].getvalue()

    await eventually(told)
    await core(server.app).traces.close()  # which sends what is left

    async def traced():
        return any(span.name.endswith("/auth/login") for span in collector.spans)

    await eventually(traced)
    said = {name: text.getvalue() for name, text in logged.items()}
    assert all("in authorize" in text for text in said.values()), "each form has a traceback"
    said |= {"metrics": metrics, "traces": collector.raw.decode("latin-1")}
    secrets = {
        "password": person.password,
        "password of a failing sign-in": canary["password"],
        "password of the suite": PASSWORD,
        "token": person.token,
        "signature of a token": person.token.rpartition(".")[2],
        "beginning of every token": person.token.partition(".")[0],
        "secret of tokens": SECRET,
        "secret of webhooks": WEBHOOK_KEY,
        "secret of the mail server": MAIL_PASSWORD,
        "in an address": IN_ADDRESS,
    }
    found = [
        f"{what} in {where}: {text[max(0, text.index(secret) - 300) :][:600]}"
        for what, secret in secrets.items()
        for where, text in said.items()
        if secret in text
    ]
    assert not found, "\n".join(found)


async def test_a_server_that_configures_no_log_shows_no_variables(serve, capsys):
    # As with any other ASGI server: structlog is as it comes, with rich installed.
    assert not isinstance(structlog.get_config()["logger_factory"], structlog.stdlib.LoggerFactory)
    server = await serve(beside=[FailingSignIn])
    canary = {"email": "canary@example.org", "password": "canary-in-a-sign-in"}
    assert (await server.api.post("/auth/login", json=canary)).status_code == 500
    said = "".join(capsys.readouterr())
    assert "the directory has 1 faults" in said
    assert canary["password"] not in said
