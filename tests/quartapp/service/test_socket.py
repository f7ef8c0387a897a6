"""The WebSocket: who may open it, what it carries, and every way in which it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import structlog
from pydantic import ConfigDict
from structlog.contextvars import merge_contextvars

from quartapp.hooks.specs import hookimpl
from quartapp.parts import core
from quartapp.realtime.events import EventData, EventType, SocketParameter
from quartapp.realtime.handling import untimed
from quartapp.realtime.messages import encode
from quartapp.service.handshake import CLOSE_SECONDS
from quartapp.testing.clients import DEADLINE_SECONDS
from quartapp.testing.servers import SECRET

UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
INTERNAL = "Internal Server Error"
UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}
FOREIGN_ORIGIN = {"event": "ERROR", "data": {"message": "Forbidden, origin not allowed"}}


class Text(EventData):
    model_config = ConfigDict(extra="forbid")
    text: str = ""


class Shouting:
    """Events to break things with."""

    name = "shouting"

    def __init__(self):
        self.going_on = asyncio.Event()

    @hookimpl
    def register_events(self, app):
        async def shout(connection, data):
            core(app).hub.broadcast(encode("SHOUTED", {"text": data.text}))

        async def fail(connection, data):
            raise RuntimeError("a bug in a plugin")

        async def hang(connection, data):
            try:
                await asyncio.Event().wait()
            finally:
                core(app).hub.broadcast(encode("SHOUTED", {"text": "cut"}))

        async def wait(connection, data):
            with untimed():
                await self.going_on.wait()
            await hang(connection, data)

        return [
            EventType(name="WAIT", data=Text, handler=wait),
            EventType(name="SHOUT", data=Text, handler=shout),
            EventType(name="FAIL", data=Text, handler=fail),
            EventType(name="HANG", data=Text, handler=hang),
        ]


async def assert_kept_out(socket):
    """Check that the page of a socket learns that its origin is not allowed."""
    assert (await socket.closed(), socket.history) == (1008, [FOREIGN_ORIGIN])


def token_of(person, **changes):
    now = datetime.now(UTC)
    claims = {"id": person.id, "role": person.role, "iat": now, "exp": now + timedelta(hours=1)}
    return jwt.encode({**claims, **changes}, SECRET, algorithm="HS256")


async def test_a_token_may_come_in_the_header(server):
    student = await server.person("student")
    socket = await server.socket(additional_headers={"authorization": f"bearer {student.token}"})
    assert (await socket.ask("MY_ATTENDANCE"))["data"]["message"] == "No active attendance session"


@pytest.mark.parametrize("kind", ["none", "garbage", "empty", "expired", "forged", "header"])
async def test_bad_token_gets_one_error_and_close_code_1008(server, kind):
    person = await server.person("student")
    expired = token_of(person, exp=datetime.now(UTC) - timedelta(seconds=1))
    options = {
        "none": {"path": "/ws"},
        "garbage": {"path": "/ws?token=garbage"},
        "empty": {"path": "/ws?token="},
        "expired": {"path": f"/ws?token={expired}"},
        "forged": {"path": f"/ws?token={person.token[:-4]}AAAA"},
        "header": {"path": "/ws", "additional_headers": {"Authorization": "Basic YTpi"}},
    }
    socket = await server.socket(**options[kind])
    assert await socket.closed() == 1008
    assert socket.history == [UNAUTHORIZED]


@pytest.mark.parametrize(
    ("settings", "origin", "allowed"),
    [
        ({}, "https://anywhere.example", True),
        ({}, None, True),
        ({"host": "0.0.0.0"}, "https://anywhere.example", False),  # noqa: S104
        ({"host": "0.0.0.0"}, None, True),  # noqa: S104
        ({"host": "0.0.0.0"}, "same host", True),  # noqa: S104
        ({"host": "0.0.0.0"}, "null", False),  # noqa: S104
        ({"allowed_origins": ("https://school.example",)}, "https://school.example", True),
        ({"allowed_origins": ("https://school.example",)}, "http://school.example", False),
        ({"allowed_origins": ("https://school.example",)}, "same host", False),
        ({"allowed_origins": ("*",), "host": "0.0.0.0"}, "https://a.example", True),  # noqa: S104
    ],
)
async def test_pages_of_other_origins_are_kept_out(serve, settings, origin, allowed):
    server = await serve(**settings)
    student = await server.person("student")
    origin = server.url if origin == "same host" else origin
    if not allowed:
        await assert_kept_out(await server.socket(student, origin=origin))
        return
    socket = await server.socket(student, origin=origin)
    assert await socket.ask("NO_SUCH") == UNKNOWN


@pytest.mark.parametrize(
    "settings", [{}, {"allowed_origins": ("*",)}, {"cors_origins": ("https://anywhere.example",)}]
)
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("own", True), (None, False), ("null", False), ("https://anywhere.example", False)],
)
async def test_a_socket_by_cookie_needs_its_own_origin(serve, settings, origin, allowed):
    server = await serve(**settings)
    student = await server.person("student")
    options = {
        "path": "/ws",
        "origin": server.url if origin == "own" else origin,
        "additional_headers": {"Cookie": f"quartapp_session={student.token}"},
    }
    if not allowed:
        await assert_kept_out(await server.socket(**options))
        return
    assert await (await server.socket(**options)).ask("NO_SUCH") == UNKNOWN


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://school.example", True), ("http://school.example", False)]
)
async def test_behind_a_proxy_a_socket_by_cookie_has_the_forwarded_origin(serve, origin, allowed):
    server = await serve(trusted_proxies=1)
    student = await server.person("student")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "school.example"}
    cookie = {"Cookie": f"__Host-quartapp_session={student.token}"}
    options = {"path": "/ws", "origin": origin, "additional_headers": {**forwarded, **cookie}}
    if not allowed:
        await assert_kept_out(await server.socket(**options))
        return
    assert await (await server.socket(**options)).ask("NO_SUCH") == UNKNOWN


async def test_a_token_in_the_address_goes_before_the_cookie(server):
    student = await server.person("student")
    socket = await server.socket(student, additional_headers={"Cookie": "quartapp_session=old"})
    assert await socket.ask("NO_SUCH") == UNKNOWN


async def test_compression_is_not_agreed_on_without_the_setting(server):
    socket = await server.socket(await server.person("student"), compression="deflate")
    assert "Sec-WebSocket-Extensions" in socket.connection.request.headers
    assert "Sec-WebSocket-Extensions" not in socket.connection.response.headers


async def test_a_message_over_64_kib_closes_its_sender_alone(server):
    student = await server.person("student")
    one, other = await server.socket(student), await server.socket(student)
    await one.connection.send("x" * 64 * 1024)
    assert (await one.receive())["data"]["message"] == "Invalid message format"
    await one.connection.send("x" * (64 * 1024 + 1))
    assert await one.closed() == 1009
    assert await other.ask("NO_SUCH") == UNKNOWN


async def test_fragments_count_together_against_the_limit(server):
    socket = await server.socket(await server.person("student"))
    await socket.connection.send(["x" * 1000] * 100)
    assert await socket.closed() == 1009


async def test_a_handler_that_fails_answers_an_error_and_is_logged(serve):
    server = await serve(beside=[Shouting])
    student = await server.person("student")
    one, other = await server.socket(student), await server.socket(student)
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as logs:
        await one.send("FAIL")
        assert await one.receive() == {"event": "ERROR", "data": {"message": INTERNAL}}
    assert await other.drain() == []
    await one.send("SHOUT", {"text": "after the failure"})
    assert (await other.receive())["data"] == {"text": "after the failure"}
    failures = [line for line in logs if line["event"] == "frame handler failed"]
    assert [line["user"] for line in failures] == [student.id]
    assert "a bug in a plugin" in str(failures[0]["exc_info"])


async def test_a_handler_that_hangs_is_cut_and_its_socket_goes_on(serve, turned_clock):
    server = await serve(beside=[Shouting], clock=turned_clock, hook_timeout=5.0)
    student = await server.person("student")
    one, other = await server.socket(student), await server.socket(student)
    await one.send("HANG")
    await one.send("SHOUT", {"text": "after it"})
    # Answered while the first still hangs, which is not held up by it.
    await other.send("SHOUT", {"text": "meanwhile"})
    assert (await one.receive())["data"] == {"text": "meanwhile"}
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as logs:
        await turned_clock.advance(5.0)
        assert [line for line in logs if line["log_level"] == "error"] == []
        await turned_clock.advance(3.0)
        assert (await one.receive())["data"] == {"text": "cut"}, "its own end is its own"
        assert await one.receive() == {"event": "ERROR", "data": {"message": INTERNAL}}
    assert (await one.receive())["data"] == {"text": "after it"}
    failures = [line for line in logs if line["log_level"] == "error"]
    told = "shouting (given): event HANG took longer than 5 s"
    assert [(line["user"], line["reason"]) for line in failures] == [(student.id, told)]
    assert isinstance(failures[0]["exc_info"], asyncio.CancelledError), "which says where it hung"


async def test_a_wait_that_is_no_fault_of_the_handler_has_no_limit(serve, turned_clock):
    shouting = Shouting()
    server = await serve(beside=[shouting], clock=turned_clock, hook_timeout=5.0)
    student = await server.person("student")
    one, other = await server.socket(student), await server.socket(student)
    await one.send("WAIT")
    await one.send("SHOUT", {"text": "after it"})
    await turned_clock.advance(30.0)
    await other.send("SHOUT", {"text": "meanwhile"})
    assert (await one.receive())["data"] == {"text": "meanwhile"}
    shouting.going_on.set()
    await other.drain()
    # The limit begins anew after the wait.
    await turned_clock.advance(5.0)
    await other.send("SHOUT", {"text": "still"})
    assert (await one.receive())["data"] == {"text": "still"}
    await turned_clock.advance(3.0)
    assert (await one.receive())["data"] == {"text": "cut"}
    assert await one.receive() == {"event": "ERROR", "data": {"message": INTERNAL}}
    assert (await one.receive())["data"] == {"text": "after it"}


async def test_a_greeting_that_hangs_is_cut_and_the_socket_opens(serve, turned_clock):
    class Slow:
        name = "slow"

        @hookimpl
        def register_socket_parameters(self):
            async def greet(connection, value):
                await asyncio.Event().wait()

            return [SocketParameter(name="slow", pattern="x", greet=greet)]

    server = await serve(beside=[Slow], clock=turned_clock, hook_timeout=5.0)
    student = await server.person("student")
    socket = await server.socket(path=f"/ws?token={student.token}&slow=x")
    await turned_clock.asked(5.0)
    with structlog.testing.capture_logs() as logs:
        await turned_clock.advance(5.0)
        assert await socket.receive() == {"event": "ERROR", "data": {"message": INTERNAL}}
    assert await socket.ask("NO_SUCH") == UNKNOWN
    told = "slow (given): socket parameter slow took longer than 5 s"
    assert told in [line.get("reason") for line in logs]


async def test_frames_sent_right_before_a_close_are_still_handled(serve):
    server = await serve(beside=[Shouting])
    student = await server.person("student")
    watching = await server.socket(student)
    for n in range(10):
        leaving = await server.socket(student)
        for part in range(30):
            await leaving.send("SHOUT", {"text": f"{n} {part}"})
        await leaving.close()
    for n in range(10):
        for part in range(30):
            assert (await watching.receive())["data"] == {"text": f"{n} {part}"}


async def open_by_hand(server, person):
    """Open a WebSocket without a client library, which never answers a ping."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(server.url.rsplit(":", 1)[1]), limit=4096
    )
    writer.write(
        f"GET /ws?token={person.token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b" 101 " in (await reader.readuntil(b"\r\n\r\n")).splitlines()[0]
    return reader, writer


@pytest.mark.parametrize("limit", ["max_sockets", "max_sockets_per_user"])
async def test_a_refused_peer_that_never_answers_is_gone_all_the_same(serve, limit):
    server = await serve(**{limit: 1})
    student = await server.person("student")
    inside = await server.socket(student)
    assert await inside.ask("NO_SUCH") == UNKNOWN
    for _ in range(3):
        reader, writer = await open_by_hand(server, student)
        async with asyncio.timeout(DEADLINE_SECONDS):
            told = await reader.read(-1)  # until the server ends the connection
        reason = b'{"event":"ERROR","data":{"message":"Too many sockets"}}'
        close = b"\x88\x02" + (1013).to_bytes(2, "big")
        assert told == bytes([0x81, len(reason)]) + reason + close
        writer.close()
        await writer.wait_closed()
    assert len(core(server.app).hub) == 1
    assert await inside.ask("NO_SUCH") == UNKNOWN


async def test_peer_without_pongs_is_dropped_in_time_and_others_stay(
    serve, turned_clock, eventually
):
    server = await serve(clock=turned_clock, websocket_ping_interval=0.1, websocket_silence=45)
    student = await server.person("student")
    answering = await server.socket(student)
    reader, writer = await open_by_hand(server, student)
    hub = core(server.app).hub
    assert len(hub) == 2

    assert await reader.readexactly(2) == b"\x89\x00", "a ping"
    await turned_clock.advance(44)
    # A frame without a message, as a pong is; the answer shows that the server has it.
    await (await answering.connection.ping())
    await turned_clock.advance(44)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await reader.read(-1)  # until the server ends it

    async def one_is_left():
        return len(hub) == 1

    await eventually(one_is_left)
    assert await answering.ask("NO_SUCH") == UNKNOWN
    writer.close()
    await writer.wait_closed()


async def test_a_peer_that_does_not_read_is_dropped_and_delays_nobody(
    serve, turned_clock, eventually
):
    server = await serve(beside=[Shouting], clock=turned_clock)
    student = await server.person("student")
    reader, writer = await open_by_hand(server, student)
    watching, shouting = await server.socket(student), await server.socket(student)
    hub = core(server.app).hub
    text = "x" * 60_000
    for _ in range(300):
        # The clock stands still: whoever waited for the peer would wait for ever.
        await shouting.send("SHOUT", {"text": text})
        await shouting.receive()
        assert (await watching.receive())["event"] == "SHOUTED"
        if len(hub) == 2:
            break
    assert len(hub) == 2
    assert hub._open == 3, "it is still given time to take the close"
    await turned_clock.asked(CLOSE_SECONDS)
    await turned_clock.advance(CLOSE_SECONDS)

    async def it_is_gone():
        return hub._open == 2

    await eventually(it_is_gone)
    del reader
    writer.transport.abort()


async def test_a_peer_that_reads_too_late_learns_why(serve, eventually):
    server = await serve(beside=[Shouting])
    student = await server.person("student")
    slow = await server.socket(student, max_queue=1)
    shouting = await server.socket(student)
    with structlog.testing.capture_logs() as logs:
        for _ in range(400):
            await shouting.send("SHOUT", {"text": "x" * 60_000})
            await shouting.receive()
            if any("overflow" in line["event"] for line in logs):
                break
        assert await slow.closed() == 1013
    overflow = next(line for line in logs if "overflow" in line["event"])
    assert overflow["user"] == student.id
    assert len(overflow["connection"]) == 12
    assert len(slow.history) > 0
    assert await shouting.ask("NO_SUCH") == UNKNOWN


async def test_a_client_that_floods_is_slowed_and_loses_nothing(serve):
    server = await serve(beside=[Shouting], websocket_rate=100_000)
    socket = await server.socket(await server.person("student"))
    for n in range(3000):
        await socket.send("SHOUT", {"text": str(n)})
    frames = await socket.drain()
    assert [frame["data"]["text"] for frame in frames] == [str(n) for n in range(3000)]


async def test_other_requests_to_the_socket_get_an_answer(server):
    answer = await server.api.get(f"{server.url}/ws")
    assert answer.json() == {"success": False, "error": "Bad Request"}
    assert answer.status_code == 400
