"""Clients with malformed frames: only they are closed, each with its own close code."""

from __future__ import annotations

import asyncio
import select
import socket
import statistics
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from quartapp.realtime.pace import PATIENCE_SECONDS
from tests.faults.support.attacker import GONE_SECONDS, LIMIT, NO_CODE, Attacker, address_of
from tests.faults.support.crowd import CLOSE, PING, TEXT, Crowd, frame, resident_mib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp.testing import ServerProcess
    from tests.conftest import Lesson

CONTINUATION, BINARY = 0, 2
GOING_ON, RSV1, RSV2, RSV3, FINAL = 0x00, 0x40, 0x20, 0x10, 0x80
WATCHERS = 20
ATTACKERS = 12
# So that a silent client is gone soon.
SILENCE_SECONDS = 3
PING_SECONDS = 1
MARKS_A_SECOND = 50
HANDSHAKE_SECONDS = 120.0
BYTE_SECONDS = 0.2
MOST_MIB = 50.0
OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
BOMBS = 50
BOMB_BYTES = 1 << 27

NORMAL_CLOSURE, PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1000, 1002, 1007, 1009


def deflated(size: int) -> bytes:
    """Return a message of zeros in the form of permessage-deflate (RFC 7692)."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def bad_frames() -> Iterator[tuple[str, bytes, int]]:
    """Return attacks by name, each with its close code (RFC 6455, section 7.4.1)."""
    masked = frame(TEXT, b"{}")
    yield "bad UTF-8", frame(TEXT, b"\xff\xfe"), INVALID_DATA
    yield "UTF-8 that ends too early", frame(TEXT, b"\xe2\x82"), INVALID_DATA
    yield "a surrogate", frame(TEXT, b"\xed\xa0\x80"), INVALID_DATA
    yield (
        "bad UTF-8 in a later fragment",
        frame(TEXT, b"a", first=GOING_ON) + frame(CONTINUATION, b"\xff"),
        INVALID_DATA,
    )
    yield "not masked", b"\x81\x02{}", PROTOCOL_ERROR
    for name, bit in (("first", RSV1), ("second", RSV2), ("third", RSV3)):
        yield f"{name} reserved bit", frame(TEXT, b"{}", first=FINAL | bit), PROTOCOL_ERROR
    for opcode in (3, 7, 11, 15):
        yield f"reserved opcode {opcode}", frame(opcode, b"{}"), PROTOCOL_ERROR
    for name, opcode in (("text", TEXT), ("binary", BINARY)):
        yield f"{name} of 64 KiB and a byte", frame(opcode, b"a" * (LIMIT + 1)), TOO_BIG
        yield (
            f"{name} of 64 KiB and a byte in fragments",
            frame(opcode, b"a" * 1024, first=GOING_ON)
            + 62 * frame(CONTINUATION, b"a" * 1024, first=GOING_ON)
            + frame(CONTINUATION, b"a" * 1025),
            TOO_BIG,
        )
    yield "64 KiB and a byte in other characters", frame(TEXT, "é".encode() * 32769), TOO_BIG
    yield "a bomb", frame(TEXT, deflated(1 << 26), first=FINAL | RSV1), PROTOCOL_ERROR
    yield "ping over 125 bytes", frame(PING, b"a" * 126), PROTOCOL_ERROR
    yield "ping in fragments", frame(PING, b"a", first=GOING_ON), PROTOCOL_ERROR
    yield "close over 125 bytes", frame(CLOSE, b"\x03\xe8" + b"a" * 124), PROTOCOL_ERROR
    yield "continuation of nothing", frame(CONTINUATION, b"{}"), PROTOCOL_ERROR
    yield "text within a message", frame(TEXT, b"{", first=GOING_ON) + masked, PROTOCOL_ERROR
    yield "close of 1 byte", frame(CLOSE, b"\x03"), PROTOCOL_ERROR
    for code in (0, 999, 1005, 1006, 1016, 2999, 5000, 65535):
        yield f"close with {code}", frame(CLOSE, struct.pack("!H", code)), PROTOCOL_ERROR
    yield "frames after a close", frame(CLOSE, b"\x03\xe8") + b"\xff" * 99, NORMAL_CLOSURE
    yield "close with bad UTF-8", frame(CLOSE, b"\x03\xe8\xff"), INVALID_DATA
    yield "length in too many bytes", b"\x81\xfe\x00\x02" + bytes(4) + b"{}", PROTOCOL_ERROR
    yield "negative length", b"\x81\xff" + b"\xff" * 8 + bytes(4), PROTOCOL_ERROR
    yield (
        "length of an exabyte",
        b"\x82\xff" + struct.pack("!Q", 1 << 60) + bytes(4) + bytes(LIMIT + 1),
        TOO_BIG,
    )


class Others(threading.Thread):
    """A roll call that goes on meanwhile, on the same process.

    Attributes:
        waits: For each mark the seconds until the last of all had it.
    """

    def __init__(self, url: str, maths: Lesson) -> None:
        super().__init__()
        self._url = url
        self._maths = maths
        self._done = threading.Event()
        self.waits: list[float] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with Crowd(self._url) as crowd:
                self._mark(crowd)
        except BaseException as error:  # noqa: BLE001 - it is raised in the test
            self.failure = error

    def _mark(self, crowd: Crowd) -> None:
        teacher = crowd.open([self._maths.teacher.token])[0]
        crowd.open([self._maths.students[0].token] * WATCHERS)
        while not self._done.is_set():
            sent = time.perf_counter()
            status = ("present", "absent")[len(self.waits) % 2]
            teacher.send("ATTENDANCE_MARKED", studentId=self._maths.students[0].id, status=status)
            wanted = (WATCHERS + 1) * (len(self.waits) + 1)
            crowd.until(lambda wanted=wanted: crowd.frames == wanted, GONE_SECONDS)
            self.waits.append(time.perf_counter() - sent)
            crowd.until(lambda sent=sent: time.perf_counter() - sent > 1 / MARKS_A_SECOND, 1)
        assert crowd.ended == 0

    def end(self) -> None:
        self._done.set()
        self.join()
        if self.failure is not None:
            raise self.failure


@contextmanager
def others_go_on(process: ServerProcess, maths: Lesson, figures: dict[str, object]):
    """Run a roll call during the block, and check its frames at the end."""
    others, before = Others(process.client.url, maths), resident_mib(process.pid)
    others.start()
    try:
        yield
    finally:
        others.end()
    grown = resident_mib(process.pid) - before
    figures["marks of the others"] = len(others.waits)
    figures["median to the last of them, ms"] = 1000 * statistics.median(others.waits)
    figures["slowest, ms"] = 1000 * max(others.waits)
    figures["memory grew, MiB"] = grown
    assert grown < MOST_MIB
    assert "Traceback" not in process.stderr, process.stderr


@pytest.fixture
def compression():
    """Return whether the server compresses; a test may replace it with another value."""
    return False


@pytest.fixture
async def served(serve_process, lesson, compression):
    """Provide a server that soon drops silent clients, and a live roll call on it."""
    process = await serve_process(
        QUARTAPP_WEBSOCKET_SILENCE=str(SILENCE_SECONDS),
        QUARTAPP_WEBSOCKET_PING_INTERVAL=str(PING_SECONDS),
        QUARTAPP_WEBSOCKET_COMPRESSION=str(compression),
    )
    made = await lesson(process.client, students=2)
    await made.start()
    yield process, made
    assert await process.terminate() == 0


@pytest.mark.smoke
async def test_a_bad_frame_closes_its_sender_alone_and_says_why(served, figures):
    process, maths = served
    url, token = process.client.url, maths.students[1].token

    def send(data):
        with Attacker(url, token, OFFER) as attacker:
            assert "sec-websocket-extensions" not in attacker.head
            with suppress(ConnectionError):  # it may be closed before all is sent
                attacker.socket.sendall(data)
            return attacker.closed()

    kinds = list(bad_frames())
    with others_go_on(process, maths, figures), ThreadPoolExecutor(ATTACKERS) as pool:
        sending = [asyncio.wrap_future(pool.submit(send, data)) for _, data, _ in kinds]
        codes = await asyncio.gather(*sending)
    figures["kinds"] = len(kinds)
    wrong = {name: got for (name, _, code), got in zip(kinds, codes, strict=True) if got != code}
    assert not wrong


@pytest.mark.smoke
@pytest.mark.parametrize("compression", [True])
async def test_bombs_close_their_senders_alone_and_cost_no_memory(served, figures):
    process, maths = served
    url, token = process.client.url, maths.students[1].token
    whole = frame(TEXT, deflated(BOMB_BYTES), first=FINAL | RSV1)
    begun = frame(TEXT, first=RSV1) + frame(CONTINUATION, deflated(BOMB_BYTES))

    def send(data):
        with Attacker(url, token, OFFER) as attacker:
            assert "sec-websocket-extensions: permessage-deflate;" in attacker.head
            with suppress(ConnectionError):  # it may be closed before all is sent
                attacker.socket.sendall(data)
            return attacker.closed()

    with others_go_on(process, maths, figures), ThreadPoolExecutor(ATTACKERS) as pool:
        sending = [asyncio.wrap_future(pool.submit(send, each)) for each in (whole, begun) * BOMBS]
        codes = await asyncio.gather(*sending)
    figures["bombs, MiB each"] = len(codes), BOMB_BYTES >> 20
    assert set(codes) == {TOO_BIG}


def half_a_frame(attacker):
    attacker.socket.sendall(frame(TEXT, b"a" * 1000)[:500])


def fragments(attacker):
    attacker.flood(frame(TEXT, b"a", first=GOING_ON), frame(CONTINUATION, b"a", first=GOING_ON))


def large_fragments(attacker):
    part = frame(CONTINUATION, b"a" * 8192, first=GOING_ON)
    attacker.flood(frame(BINARY, b"a", first=GOING_ON), part)


def empty_fragments(attacker):
    attacker.flood(frame(TEXT, first=GOING_ON), frame(CONTINUATION, first=GOING_ON))


def pings(attacker):
    attacker.flood(b"", frame(PING))


def one_frame(attacker):
    attacker.flood(b"\x82\xff" + struct.pack("!Q", 1 << 60) + bytes(4), bytes(LIMIT))


def no_frames(attacker):
    attacker.flood(b"", b"\xff" * LIMIT)


ENDLESS = {
    half_a_frame: (NO_CODE, SILENCE_SECONDS),
    fragments: (1008, PATIENCE_SECONDS),
    large_fragments: (1009, 0),
    empty_fragments: (1008, PATIENCE_SECONDS),
    pings: (1008, PATIENCE_SECONDS),
    one_frame: (1009, 0),
    no_frames: (1002, 0),
}


async def test_endless_handshakes_and_messages_are_ended(served, figures):
    process, maths = served
    url, token = process.client.url, maths.students[1].token

    def send(attack, seconds):
        begun = time.monotonic()
        with Attacker(url, token) as attacker:
            attack(attacker)
            code = attacker.closed(seconds + GONE_SECONDS)
        return code, time.monotonic() - begun

    def slow_handshake(line):
        begun = time.monotonic()
        slow = socket.create_connection(address_of(url), HANDSHAKE_SECONDS)
        with slow, suppress(ConnectionError):
            for byte in line:
                slow.sendall(bytes([byte]))
                if select.select([slow], [], [], BYTE_SECONDS)[0]:
                    break
            slow.recv(1)
        return time.monotonic() - begun

    with others_go_on(process, maths, figures), ThreadPoolExecutor(ATTACKERS) as pool:
        sending = [
            asyncio.wrap_future(pool.submit(send, attack, seconds))
            for attack, (_, seconds) in ENDLESS.items()
        ]
        lines = b"", b"GET /ws?token=" + b"a" * 1000
        shaking = [asyncio.wrap_future(pool.submit(slow_handshake, line)) for line in lines]
        ends = dict(zip(ENDLESS, await asyncio.gather(*sending), strict=True))
        taken = await asyncio.gather(*shaking)
    for attack, (code, seconds) in ends.items():
        figures[attack.__name__.replace("_", " ")] = f"{code} after {seconds:.1f} s"
    figures["no handshake, slow handshake, s"] = ", ".join(f"{each:.1f}" for each in taken)
    assert {attack: code for attack, (code, _) in ends.items()} == {
        attack: code for attack, (code, _) in ENDLESS.items()
    }
