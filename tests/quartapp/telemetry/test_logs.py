"""Log lines: one form, with the request or the connection that they are about."""

from __future__ import annotations

import asyncio
import io
import json
import logging

from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from quartapp.realtime import pace
from quartapp.telemetry.logs import log_handler
from quartapp.testing.servers import SECRET


def lines(process):
    return [json.loads(line) for line in process.stderr.splitlines()]


async def test_each_request_has_a_line_at_debug_with_its_id(
    serve_process, mongodb_uri, lesson, eventually
):
    process = await serve_process(
        MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET, QUARTAPP_LOG_LEVEL="debug"
    )
    maths = await lesson(process.client, students=1)
    path = f"/class/{maths.class_id}"
    harmless = {"X-Request-Id": "from-the-proxy.1"}
    hostile = {"X-Request-Id": 'x" onload="'}
    for headers in ({}, harmless, hostile):
        await process.client.api.get(path, headers={**maths.teacher.headers, **headers})
    await process.client.api.get(f"{process.client.url}/healthz?token=secret")

    def requests(route):
        return [line for line in lines(process) if line.get("route") == route]

    async def there():
        return requests("/healthz")

    await eventually(there)
    plain, named, renamed = requests("/api/v1/class/<class:class_id>")
    assert plain["event"] == "request"
    assert (plain["method"], plain["status"], plain["level"]) == ("GET", 200, "debug")
    assert plain["milliseconds"] > 0
    assert named["request_id"] == "from-the-proxy.1"
    ids = {plain["request_id"], named["request_id"], renamed["request_id"]}
    assert len(ids) == 3
    assert "onload" not in process.stderr
    assert "secret" not in process.stderr
    assert maths.teacher.token not in process.stderr


async def test_log_lines_of_a_socket_have_its_id(serve, monkeypatch, turned_clock, turning):
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 0.05)
    server = await serve(websocket_rate=20, websocket_burst=1, clock=turned_clock)
    people = await server.people("student", 2)
    with capture_logs(processors=[merge_contextvars]) as told:
        for person in people:
            socket = await server.socket(person)
            for _ in range(20):
                await socket.send("HELLO")
            async with turning(turned_clock, 1 / 20):
                assert await socket.closed() == 1008
    closing = [line for line in told if line["event"] == "client sends too fast, closing"]
    assert [line["user"] for line in closing] == [person.id for person in people]
    assert len({line["connection"] for line in closing}) == 2


async def test_a_client_that_is_being_slowed_does_not_hold_up_a_stop(serve_process, mongodb_uri):
    process = await serve_process(
        MONGODB_URI=mongodb_uri,
        JWT_SECRET=SECRET,
        QUARTAPP_WEBSOCKET_BURST="1",
        QUARTAPP_WEBSOCKET_RATE="0.01",
    )
    student = await process.client.person("student")
    sockets = [await process.client.socket(student) for _ in range(2)]
    for socket in sockets:
        await socket.send("HELLO")
        await socket.send("HELLO")
        await socket.receive()
    closing = [asyncio.create_task(socket.closed()) for socket in sockets]
    assert await process.terminate() == 0
    assert await asyncio.gather(*closing) == [1001] * 2
    assert [line["event"] for line in lines(process)] == ["stopping"]


async def test_without_debug_requests_are_not_told(serve_process, mongodb_uri):
    process = await serve_process(MONGODB_URI=mongodb_uri, JWT_SECRET=SECRET)
    await process.client.api.get(f"{process.client.url}/healthz")
    assert await process.terminate() == 0
    assert not [line for line in lines(process) if line["event"] == "request"]


def test_line_for_a_person_does_not_steer_the_terminal():
    stream = io.StringIO()
    handler = log_handler(stream, terminal=True)
    record = logging.LogRecord("other", logging.WARNING, "", 0, "\x1b[2J \x9b2J", None, None)
    handler.emit(record)
    assert "\\x1b[2J \\x9b2J" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
