"""The shipped Caddyfile in front of a server. ``tox -e proxy`` runs these tests, with Caddy."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from quartapp import core
from quartapp.testing import Stream
from tests.support.malformed import (
    CHUNKS,
    HOST,
    KEY,
    REFUSED,
    SMUGGLED,
    SOCKET,
    UPGRADES,
    VERSION,
    get,
)
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CADDYFILE = Path(__file__).parents[2] / "deploy" / "Caddyfile"
# Ends a test that hangs.
DEADLINE_SECONDS = 120
METRICS = b"# HELP"
SITE = {"Host": "school.example"}


@pytest_asyncio.fixture
async def upstream(serve):
    return await serve(trusted_proxies=1)


@pytest_asyncio.fixture
async def port(upstream, tmp_path) -> AsyncIterator[int]:
    """Run Caddy in front of a server, and provide Caddy's port."""
    async with caddy(upstream.url.removeprefix("http://"), tmp_path) as number:
        yield number


@asynccontextmanager
async def caddy(upstreams: str, tmp_path: Path) -> AsyncIterator[int]:
    """Run Caddy with the shipped file, and yield its port when Caddy passes requests on."""
    program = shutil.which("caddy")
    assert program, "this test needs Caddy, such as Debian's package caddy"
    # Caddy takes no socket that listens already, so another program could take the port meanwhile.
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    environment = {
        **os.environ,
        "SITE": f"http://school.example:{number}",
        "UPSTREAMS": upstreams,
        "CADDY_ADMIN": f"unix/{tmp_path}/admin.sock",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    said = (tmp_path / "caddy.log").open("w+")

    def passes_on() -> bool:
        assert process.returncode is None, (tmp_path / "caddy.log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{number}/healthz", headers=SITE).is_success
        except httpx.TransportError:
            return False

    process = await asyncio.create_subprocess_exec(
        *(program, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
        stdout=said,
        stderr=said,
        env=environment,
    )
    try:
        await asyncio.to_thread(until, passes_on)
        yield number
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        said.close()


async def until_closed(port: int, raw: bytes) -> bytes:
    """Send bytes, then nothing more, and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await reader.read(-1)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def head_of_answer(port: int, raw: bytes) -> bytes:
    """Send a request, and return the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def test_malformed_requests_reach_nothing_and_others_are_served_meanwhile(port):
    malformed = {kind: raw for kind, (raw, _) in REFUSED.items()} | CHUNKS
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=SITE, timeout=DEADLINE_SECONDS
    ) as other:
        # After a failure of the only server, Caddy itself would answer: no server is left.
        for kind, raw in malformed.items():
            answer = await until_closed(port, raw + SMUGGLED)
            assert METRICS not in answer, kind
            assert b" 101 " not in answer, kind
            assert (await other.get("/healthz")).status_code == 200, kind
        assert (await other.get("/metrics")).status_code == 404


async def test_only_an_upgrade_to_a_websocket_reaches_the_server(tmp_path):
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # Caddy may open connections for later
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as upstream:
        address, port = upstream.sockets[0].getsockname()
        async with caddy(f"{address}:{port}", tmp_path) as number:
            heads.clear()
            for raw in UPGRADES.values():
                assert (await head_of_answer(number, raw)).startswith(b"HTTP/1.1 200 ")
            asked = [head.lower() for head in heads if b"/readyz" not in head]
    assert len(asked) == len(UPGRADES)
    for head in asked:
        first, *fields = head.split(b"\r\n")
        assert first == b"get /healthz http/1.1"
        names = [field.partition(b":")[0] for field in fields]
        assert b"upgrade" not in names
        assert b"http2-settings" not in names


@pytest.mark.parametrize("kind", UPGRADES)
async def test_request_for_another_protocol_is_answered_in_http_1(port, kind):
    head = await head_of_answer(port, UPGRADES[kind])
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"upgrade" not in head.lower()


async def test_http_2_without_an_upgrade_is_closed(port):
    answer = await until_closed(port, REFUSED["HTTP/2 without an upgrade"][0] + SMUGGLED)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert rest == b""


async def test_tunnel_is_refused(port):
    head = await head_of_answer(port, get(b"", b"CONNECT school.example:80 HTTP/1.1\r\n"))
    assert head.startswith(b"HTTP/1.1 405 ")


async def test_websocket_passes(port, upstream):
    student = await upstream.person("student")
    token = f"GET /ws?token={student.token} HTTP/1.1\r\n".encode()
    fields = SOCKET.replace(b"websocket", b"WebSocket") + KEY + VERSION
    assert b" 101 " in await head_of_answer(port, get(fields, token))


async def test_log_of_a_request_that_cannot_be_passed_on_has_no_secret(tmp_path):
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b" /ws" not in head:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
        writer.close()

    first = b"GET /ws?since=7&ticket=a-secret&token=a-secret HTTP/1.1\r\n"
    fields = SOCKET + KEY + VERSION + b"Sec-WebSocket-Protocol: quartapp.v1, bearer.a-secret\r\n"
    fields += b"Authorization: Bearer a-secret\r\nCookie: quartapp=a-secret\r\n"
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as upstream:
        address, port = upstream.sockets[0].getsockname()
        async with caddy(f"{address}:{port}", tmp_path) as number:
            assert b" 502 " in await head_of_answer(number, get(fields, first))
    told = (tmp_path / "caddy.log").read_text()
    assert "/ws?since=7&ticket=REDACTED&token=REDACTED" in told
    assert "a-secret" not in told


async def test_forwarded_scheme_of_a_client_is_overwritten(port):
    forged = b"X-Forwarded-Proto: https\r\nForwarded: proto=https\r\n"
    head = await head_of_answer(port, b"GET /healthz HTTP/1.1\r\n" + HOST + forged + b"\r\n")
    assert b"strict-transport-security" not in head.lower()


async def test_event_stream_passes_without_delay(port, lesson, mark, upstream):
    maths = await lesson(upstream, students=1)
    await maths.start()
    teacher = await upstream.socket(maths.teacher, version=1)
    headers = {**SITE, **maths.students[0].headers, "Accept-Encoding": "gzip, br"}
    address = f"http://127.0.0.1:{port}/api/v1/attendance/events"
    async with (
        httpx.AsyncClient(timeout=DEADLINE_SECONDS) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers
        reading = Stream(answer)
        # Each mark is told before the next is made, so nothing collects them on the way.
        for status in ("present", "absent"):
            made = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0], status))
            assert await reading.receive() == made
        await core(upstream.app).hub.drain(DEADLINE_SECONDS)
        assert await reading.closed() == 1001
