"""Malformed requests over raw sockets: only the offender is closed, and others are served."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

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
    handshake,
    post,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from quartapp.testing import TestServer

# Ends a test that hangs.
DEADLINE_SECONDS = 120
HEALTHY = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"


class Raw:
    """A connection of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            (length,) = re.findall(rb"\r\ncontent-length: ([0-9]+)\r\n", head.lower())
            return head + await self.reader.readexactly(int(length))

    async def is_served(self) -> bool:
        """Tell whether the connection is answered and stays open."""
        self.writer.write(HEALTHY)
        answer = await self.answer()
        return (
            status_of(answer) == 200
            and answer.endswith(b'"ok"}}')
            and b"\r\nconnection: close" not in answer.lower()
        )

    async def until_closed(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.read(-1)


@asynccontextmanager
async def connected(server: TestServer) -> AsyncIterator[Raw]:
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 ")
    return int(answer[9:12])


async def test_each_malformed_request_is_refused_and_its_connection_alone_is_closed(server):
    async with connected(server) as other:
        assert await other.is_served()
        for kind, (raw, status) in REFUSED.items():
            async with connected(server) as offender:
                # What follows would be answered if the server read the connection further.
                offender.writer.write(raw)
                answer = await offender.until_closed()
            assert (kind, status_of(answer)) == (kind, status)
            head = answer.partition(b"\r\n\r\n")[0].lower()
            assert answer.count(b"HTTP/1.1 ") == 1, kind
            for header in (
                b"connection: close",
                b"cache-control: no-store",
                b"referrer-policy: no-referrer",
                b"x-content-type-options: nosniff",
            ):
                assert head.count(header) == 1, (kind, header)
            assert await other.is_served(), kind


async def test_malformed_chunks_end_the_connection_before_a_smuggled_request_is_read(server):
    async with connected(server) as other:
        for kind, raw in CHUNKS.items():
            async with connected(server) as offender:
                offender.writer.write(raw + SMUGGLED)
                answer = await offender.until_closed()
            assert (kind, status_of(answer)) == (kind, 400)
            assert answer.count(b"HTTP/1.1 ") == 1, kind
            assert await other.is_served(), kind


@pytest.mark.parametrize("end", [b"X: a\n", b"X: a\r\r", b"X: a\r\n ", b"X: a\0"])
async def test_doubtful_byte_is_refused_as_soon_as_it_comes(server, end):
    async with connected(server) as offender:
        for byte in b"GET /healthz HTTP/1.1\r\n" + HOST + end:
            offender.writer.write(bytes([byte]))
            await offender.writer.drain()
            await asyncio.sleep(0)
        assert status_of(await offender.until_closed()) == 400


async def test_connection_stays_in_http_1_whatever_upgrade_is_asked_for(server):
    for kind, raw in UPGRADES.items():
        async with connected(server) as asking:
            asking.writer.write(raw)
            assert status_of(await asking.answer()) == 200, kind
            assert await asking.is_served(), kind


@pytest.mark.parametrize(
    ("path", "status"), [(b"/nowhere", 404), (b"/api/v1/nowhere", 404), (b"/healthz", 400)]
)
async def test_handshake_where_no_socket_is_is_refused_without_a_fault(server, path, status):
    async with connected(server) as asking:
        line = b"GET " + path + b" HTTP/1.1\r\n"
        with capture_logs() as logs:
            asking.writer.write(handshake(SOCKET, KEY, VERSION, line=line))
            answer = await asking.answer()
    assert status_of(answer) == status
    assert b"\r\nx-content-type-options: nosniff\r\n" in answer
    assert b"\r\nreferrer-policy: no-referrer\r\n" in answer
    assert b'{"success":false,' in answer
    assert logs == []


async def test_proper_requests_of_unusual_form_are_served(server):
    body = b'{"email":"a@b.example","password":"secret123"}'
    size = b"%x" % len(body)
    login = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    halves = b"%x\r\n" % 10 + body[:10] + b"\r\n%X;a=b\r\n" % (len(body) - 10) + body[10:]
    proper = {
        "a length": login + b"CONTENT-LENGTH:%d  \r\n\r\n" % len(body) + body,
        "chunks": login
        + b"transfer-encoding: CHUNKED\r\n\r\n"
        + size
        + b"\r\n"
        + body
        + b"\r\n0\r\n\r\n",
        "chunks with an extension and a trailer": login
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + halves
        + b"\r\n0\r\nX-Sum: a\tb\r\n\r\n",
    }
    for kind, raw in proper.items():
        async with connected(server) as client:
            client.writer.write(raw + HEALTHY)
            assert (kind, status_of(await client.answer())) == (kind, 404)
            assert status_of(await client.answer()) == 200, kind
    async with connected(server) as client:
        client.writer.write(
            get(b"X: a\tb \xe4\r\nY:\r\n") + post(b"Content-Length: 0\r\n") + HEALTHY
        )
        answers = [status_of(await client.answer()) for _ in range(3)]
    assert answers == [200, 405, 200]
