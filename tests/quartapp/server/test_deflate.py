"""Compression of frames: what is agreed on, what goes over the wire, and what is refused."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
import zlib
from contextlib import asynccontextmanager

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection

from quartapp.parts import core
from quartapp.realtime.channel import MAX_FRAME_BYTES
from quartapp.realtime.messages import encode
from quartapp.realtime.wire import Packed, deflated, text_message
from quartapp.server.deflate import Inflating, answer_to

# Ends a test that hangs.
DEADLINE_SECONDS = 120
BOTH = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
FINAL, RSV1, RSV2 = 0x80, 0x40, 0x20
PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1002, 1007, 1009
EVENT = json.dumps({"event": "NO_SUCH", "data": {"text": "Zoë " * 20}}).encode()
UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}
INVALID = {"event": "ERROR", "data": {"message": "Invalid message format"}}


def deflate(data, wbits=-15):
    packer = zlib.compressobj(wbits=wbits)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def stored(data):
    """Return data in blocks without compression."""
    packer = zlib.compressobj(level=0, wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def last_block(data):
    """Return data in a block that says that it is the last one (RFC 7692, section 7.2.3.4)."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def frame(opcode, payload, first=FINAL):
    """Return a client's frame; its masking key of zeros is valid, and changes nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0xFE]) + size.to_bytes(2)
    else:
        length = bytes([0xFF]) + size.to_bytes(8)
    return bytes([first | opcode]) + length + bytes(4) + payload


class Raw:
    """A client of bytes, after its handshake."""

    def __init__(self, head, reader, writer):
        self.reader, self.writer = reader, writer
        lines = [line.partition(": ") for line in head.lower().split("\r\n")]
        self.agreed = [value for name, _, value in lines if name == "sec-websocket-extensions"]

    async def frame(self):
        """Return the first byte and the payload of the server's next frame."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return first, await self.reader.readexactly(size)

    async def ask(self, *frames):
        """Send frames, and return what the server's next frame says."""
        self.writer.write(b"".join(frames))
        first, payload = await self.frame()
        if first & RSV1:
            payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        return int.from_bytes(payload[:2]) if first & 15 == CLOSE else json.loads(payload)


@pytest.fixture
async def compressing(serve):
    """Provide a server that compresses."""
    return await serve(websocket_compression=True)


@pytest.fixture
def raw():
    """Return a context manager for a socket: ``async with raw(server, offer) as client:``."""

    @asynccontextmanager
    async def opened(server, *offers):
        person = await server.person("student")
        host = server.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        lines = [
            *(f"GET /ws?token={person.token} HTTP/1.1", f"Host: {host}", "Upgrade: websocket"),
            *("Connection: Upgrade", "Sec-WebSocket-Version: 13"),
            *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",),
            *(f"Sec-WebSocket-Extensions: {offer}" for offer in offers),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head
            yield Raw(head.decode(), reader, writer)
        finally:
            writer.close()

    return opened


@pytest.mark.parametrize(
    ("offers", "agreed"),
    [
        (["permessage-deflate"], BOTH),
        (["permessage-deflate; client_max_window_bits"], BOTH),
        (["permessage-deflate;client_max_window_bits=8"], BOTH),
        (['permessage-deflate; client_max_window_bits="15"'], BOTH),
        (["permessage-deflate; server_no_context_takeover; client_no_context_takeover"], BOTH),
        (["permessage-deflate; server_max_window_bits=9"], f"{BOTH}; server_max_window_bits=9"),
        (["permessage-deflate; server_max_window_bits=15"], f"{BOTH}; server_max_window_bits=15"),
        # The first offer that can be met counts, on whatever line it stands.
        (["x-webkit-deflate-frame, permessage-deflate"], BOTH),
        (["permessage-deflate; server_max_window_bits=8, permessage-deflate"], BOTH),
        (["x-other; a=1", "permessage-deflate; other", "permessage-deflate"], BOTH),
        # What no server can meet, or this one cannot.
        ([], None),
        ([""], None),
        (["permessage-deflate; server_max_window_bits=8"], None),
        (["permessage-deflate; server_max_window_bits"], None),
        (["permessage-deflate; server_max_window_bits=7"], None),
        (["permessage-deflate; server_max_window_bits=16"], None),
        (["permessage-deflate; server_max_window_bits=09"], None),
        (["permessage-deflate; server_max_window_bits=" + "9" * 5000], None),
        (["permessage-deflate; client_max_window_bits=x"], None),
        (["permessage-deflate; server_no_context_takeover=1"], None),
        (["permessage-deflate; client_max_window_bits; client_max_window_bits"], None),
        (["permessage-deflate; unknown"], None),
        (["permessage-deflate;"], None),
        (["permessage-deflate-2; client_max_window_bits"], None),
        (["permessage-deflate; server_max_window_bits=\xb2"], None),
    ],
)
def test_the_first_offer_that_can_be_met_is_agreed_on(offers, agreed):
    headers = [(b"host", b"permessage-deflate")]
    headers += [(b"sec-websocket-extensions", offer.encode("latin-1")) for offer in offers]
    assert answer_to(headers) == agreed


@pytest.mark.parametrize(
    ("compression", "offers", "agreed"),
    [
        (True, ["permessage-deflate; server_max_window_bits=8", "permessage-deflate"], [BOTH]),
        (True, ["permessage-deflate; server_max_window_bits=8"], []),
        (True, [], []),
        (False, ["permessage-deflate"], []),
    ],
)
async def test_the_handshake_says_what_is_agreed_on(serve, raw, compression, offers, agreed):
    server = await serve(websocket_compression=compression)
    async with raw(server, *offers) as client:
        assert client.agreed == agreed
        assert await client.ask(frame(TEXT, EVENT)) == UNKNOWN
        # The first reserved bit has a meaning only where it is agreed on.
        answer = await client.ask(frame(TEXT, deflate(EVENT), FINAL | RSV1))
        assert answer == (UNKNOWN if agreed else PROTOCOL_ERROR)


@pytest.mark.parametrize("window", [9, 12, 15])
async def test_a_client_library_reads_the_same_frames_as_without_compression(compressing, window):
    student = await compressing.person("student")
    offer = ClientPerMessageDeflateFactory(server_max_window_bits=window)
    plain = await compressing.socket(student, compression=None)
    other = await compressing.socket(student, compression=None, extensions=[offer])
    agreed = other.connection.response.headers["Sec-WebSocket-Extensions"]
    assert agreed == f"{BOTH}; server_max_window_bits={window}"
    assert "Sec-WebSocket-Extensions" not in plain.connection.response.headers
    names = [f"{number:024x}" for number in range(3000)]
    texts = ["", "Zoë 🙂", "x" * 200_000, names, dict.fromkeys(names, "present")]
    core(compressing.app).hub.broadcast_all([encode("SHOUTED", {"text": text}) for text in texts])
    for socket in (plain, other):
        assert [(await socket.receive())["data"]["text"] for _ in texts] == texts
        assert await socket.ask("NO_SUCH") == UNKNOWN


@pytest.mark.parametrize("version", [0, 1])
async def test_a_whole_session_says_the_same_compressed_and_plain(
    compressing, lesson, mark, version
):
    maths = await lesson(compressing, students=12)
    await maths.start()

    async def two(person, query=""):
        """Open a compressed socket and a plain one."""
        path = f"/ws?token={person.token}{query}"
        return [
            await compressing.socket(path=path, version=version, compression=compression)
            for compression in ("deflate", None)
        ]

    teachers, students = await two(maths.teacher), await two(maths.students[0])
    assert "Sec-WebSocket-Extensions" in teachers[0].connection.response.headers
    for sender in teachers:
        for student in maths.students[:4]:
            await sender.send("ATTENDANCE_MARKED", mark(student, "absent"))
    await teachers[0].send("MARK_REST", {"status": "present"})
    await teachers[0].until("MARKED_REST")
    await teachers[1].send("TODAY_SUMMARY")
    await teachers[1].until("TODAY_SUMMARY")
    back = await two(maths.students[0], "&since=0") + await two(maths.students[0], "&since=1")
    for student in students[0], back[0]:
        await student.send("MY_ATTENDANCE")
        await student.until("MY_ATTENDANCE")
    await teachers[1].send("DONE")
    for socket in (*teachers, *students, *back):
        await socket.until("DONE")
    answers = ("MARKED_REST", "MY_ATTENDANCE")
    told = [
        [frame for frame in socket.history if frame["event"] not in answers]
        for socket in (*teachers, *students, *back)
    ]
    assert told[0] == told[1] == told[2] == told[3]
    assert (told[4], told[6]) == (told[5], told[7])
    assert [frame["event"] for frame in told[6]].count("SESSION_STATE") == 1
    if not version:
        assert told[4] == told[0]


async def test_a_frame_is_compressed_where_it_becomes_shorter(compressing, raw):
    long, short = encode("SHOUTED", {"text": "present " * 100}), encode("A", {})
    async with raw(compressing, "permessage-deflate") as one, raw(compressing) as other:
        for client in (one, other):
            assert await client.ask(frame(TEXT, b"{}")) == INVALID
        core(compressing.app).hub.broadcast_all([long, short])
        first, payload = await one.frame()
        assert first == FINAL | RSV1 | TEXT
        assert len(payload) < len(long) / 10
        assert await one.frame() == (FINAL | TEXT, short.encode())
        assert await other.frame() == (FINAL | TEXT, long.encode())
        assert await other.frame() == (FINAL | TEXT, short.encode())


async def test_a_client_with_the_smallest_window_can_inflate(compressing, raw):
    # Repeats lie further apart than 512 bytes, where a larger window would find them.
    block = "".join(f"{number * 7919:08x}" for number in range(200))
    sent = encode("SHOUTED", {"text": block * 4})
    async with raw(compressing, "permessage-deflate; server_max_window_bits=9") as client:
        assert await client.ask(frame(TEXT, b"{}")) == INVALID
        core(compressing.app).hub.broadcast(sent)
        first, payload = await client.frame()
        assert first & RSV1
        assert zlib.decompressobj(-9).decompress(payload + b"\x00\x00\xff\xff") == sent.encode()


def test_a_broadcast_is_compressed_once_for_all_sockets():
    packed = Packed([encode("SHOUTED", {"text": "x" * 1000}), encode("A", {})])
    assert packed.deflated is packed.deflated
    # Those too whose frames wait, and so leave one by one.
    assert b"".join(map(deflated, packed.messages)) == packed.deflated
    (first, _) = packed.messages
    assert deflated(first) is deflated(first)


@pytest.mark.parametrize(
    "frames",
    {
        "whole": [frame(TEXT, deflate(EVENT), FINAL | RSV1)],
        "as it is": [frame(TEXT, EVENT)],
        "in a block without compression": [frame(TEXT, stored(EVENT), FINAL | RSV1)],
        "in two blocks": [
            frame(TEXT, deflate(EVENT[:9]) + b"\x00\x00\xff\xff" + deflate(EVENT[9:]), FINAL | RSV1)
        ],
        "in a last block": [frame(TEXT, last_block(EVENT) + b"\x00", FINAL | RSV1)],
        "in a last block that ends the message": [frame(TEXT, last_block(EVENT), FINAL | RSV1)],
        "in fragments of a byte": [
            frame(TEXT, b"", RSV1),
            *(frame(CONTINUATION, bytes([byte]), 0) for byte in deflate(EVENT)),
            frame(CONTINUATION, b""),
        ],
    }.items(),
    ids=lambda case: case[0],
)
async def test_a_message_is_understood_in_every_form_that_the_rfc_has(compressing, raw, frames):
    async with raw(compressing, "permessage-deflate") as client:
        for _ in range(2):
            assert await client.ask(*frames[1]) == UNKNOWN


async def test_a_ping_between_fragments_leaves_their_message_whole(compressing, raw):
    data = deflate(EVENT)
    async with raw(compressing, "permessage-deflate") as client:
        client.writer.write(frame(TEXT, data[:20], RSV1) + frame(PING, b"\x03\x00"))
        assert await client.frame() == (FINAL | PONG, b"\x03\x00")
        assert await client.ask(frame(CONTINUATION, data[20:])) == UNKNOWN


@pytest.mark.parametrize(
    ("name", "frames", "code"),
    [
        ("no deflate", [frame(TEXT, b"\xff" * 20, FINAL | RSV1)], INVALID_DATA),
        ("half of it", [frame(TEXT, deflate(EVENT)[:-9], FINAL | RSV1)], INVALID_DATA),
        ("nothing at all", [frame(TEXT, b"", FINAL | RSV1)], INVALID_DATA),
        ("more after it", [frame(TEXT, last_block(EVENT) + EVENT, FINAL | RSV1)], INVALID_DATA),
        ("no UTF-8", [frame(TEXT, deflate(b"\xff\xfe"), FINAL | RSV1)], INVALID_DATA),
        ("a window before it", [frame(TEXT, b"\x02\x13\x00\x00", FINAL | RSV1)], INVALID_DATA),
        ("a second bit", [frame(TEXT, deflate(EVENT), FINAL | RSV1 | RSV2)], PROTOCOL_ERROR),
        ("a compressed ping", [frame(PING, b"", FINAL | RSV1)], PROTOCOL_ERROR),
        ("a compressed close", [frame(CLOSE, b"\x03\xe8", FINAL | RSV1)], PROTOCOL_ERROR),
        (
            "a bit on a fragment",
            [frame(TEXT, deflate(EVENT)[:9], RSV1), frame(CONTINUATION, b"", FINAL | RSV1)],
            PROTOCOL_ERROR,
        ),
        ("a byte too much", [frame(TEXT, deflate(b"a" * 65537), FINAL | RSV1)], TOO_BIG),
        ("a byte too much, binary", [frame(BINARY, deflate(bytes(65537)), FINAL | RSV1)], TOO_BIG),
        ("a bomb", [frame(TEXT, deflate(bytes(1 << 26)), FINAL | RSV1)], TOO_BIG),
        (
            "a bomb in fragments",
            [frame(TEXT, b"", RSV1), frame(CONTINUATION, deflate(bytes(1 << 26)))],
            TOO_BIG,
        ),
        ("nothing without end", [frame(TEXT, b"\x00\x00\x00\xff\xff" * 30_000, RSV1)], TOO_BIG),
    ],
)
async def test_what_cannot_be_inflated_closes_its_sender_alone(
    compressing, raw, name, frames, code
):
    async with (
        raw(compressing, "permessage-deflate") as client,
        raw(compressing, "permessage-deflate") as other,
    ):
        assert await client.ask(*frames) == code, name
        assert await other.ask(frame(TEXT, deflate(EVENT), FINAL | RSV1)) == UNKNOWN


async def test_a_message_of_64_kib_is_taken_however_well_it_compresses(compressing, raw):
    async with raw(compressing, "permessage-deflate") as client:
        for text in (b"a" * MAX_FRAME_BYTES, EVENT.ljust(MAX_FRAME_BYTES)):
            for pack in (deflate, stored):
                answer = await client.ask(frame(TEXT, pack(text), FINAL | RSV1))
                assert answer == (UNKNOWN if text.startswith(EVENT) else INVALID)


def test_a_bomb_is_never_inflated_beyond_the_limit():
    bomb = frame(TEXT, deflate(bytes(1 << 28)), FINAL | RSV1)
    connection = Connection(ConnectionType.SERVER, [Inflating()])
    tracemalloc.start()
    try:
        connection.receive_data(bomb)
        events = list(connection.events())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [event.code for event in events if isinstance(event, CloseConnection)] == [TOO_BIG]
    # The bomb itself was received at once, and is copied a few times.
    assert peak < 8 * len(bomb)
    assert peak < (1 << 28) / 50


def test_text_that_is_sent_once_is_a_frame_too():
    assert deflated(text_message("{}")) == b"\x81\x02{}"
