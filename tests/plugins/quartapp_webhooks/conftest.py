"""Receivers of webhooks, and servers that send to them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections import deque
from dataclasses import dataclass

import pytest

from quartapp import core
from quartapp_auth.happenings import UserRegistered


def new_secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def message(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.message["type"]


class Receiver:
    """An HTTP server that answers what it is told to, 204 without an order.

    An answer is a status, ``"hang"``, or an asynchronous function that writes one.
    """

    def __init__(self):
        self.secret = new_secret()
        self.answers = deque()
        self.requests = []
        self.connections = 0
        self.under_way = 0
        self.most_under_way = 0
        self.closing = asyncio.Event()
        self._handlers = set()

    async def open(self, ssl=None):
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=ssl)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    async def close(self):
        self.closing.set()
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _handle(self, reader, writer):
        handler = asyncio.current_task()
        self._handlers.add(handler)
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._handlers.discard(handler)
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(Received(head[0].split()[1], headers, body))
        answer = self.answers.popleft() if self.answers else 204
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if answer == "hang":
                await reader.read()  # until the other side leaves
                return False
            if not isinstance(answer, int):
                await answer(writer)
                return False
            writer.write(f"HTTP/1.1 {answer} x\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
            return True
        finally:
            self.under_way -= 1

    @property
    def types(self):
        return [received.type for received in self.requests]

    @property
    def ids(self):
        return [received.id for received in self.requests]


@pytest.fixture
async def receivers():
    """Opens receivers: ``await receivers()``."""
    opened = []

    async def open_one(ssl=None):
        receiver = Receiver()
        await receiver.open(ssl)
        opened.append(receiver)
        return receiver

    yield open_one
    for receiver in opened:
        await receiver.close()


@pytest.fixture
async def receiver(receivers):
    return await receivers()


@pytest.fixture
def configure(monkeypatch):
    """Settings of the plugin: ``configure(receiver, ..., tries=3)``; fast, and private allowed."""

    def to_environment(*endpoints, **settings):
        listed = [
            {"url": e.url, "secret": e.secret} if isinstance(e, Receiver) else e for e in endpoints
        ]
        quick = {"allow_private": True, "pause_seconds": 0.05, "endpoints": listed}
        variables = {
            f"QUARTAPP_WEBHOOKS_{name.upper()}": json.dumps(value)
            for name, value in {**quick, **settings}.items()
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return variables

    return to_environment


@pytest.fixture
def in_time(turned_clock, eventually):
    """Waits for a condition while the clock of the server goes on: pauses before retries end."""

    async def wait(question):
        async def turned():
            if not (answer := await question()):
                await turned_clock.advance(0.1)
            return answer

        return await eventually(turned)

    return wait


@pytest.fixture
def outbox():
    """What is in a server's outbox, in the order of its making: what waits, and what is dead."""

    async def read(server, **query):
        return await server.documents["outbox"].find(query).sort("order").to_list()

    return read


@pytest.fixture
def happen():
    """Lets ``count`` accounts register on a server, without the cost of their passwords."""

    async def register(server, count, first=0):
        parts = core(server.app)
        for number in range(first, first + count):

            async def change(number=number):
                return await parts.database.documents["people"].insert_one({"number": number})

            await parts.plugins.changes.stored([UserRegistered(str(number), "student")], change)

    return register
