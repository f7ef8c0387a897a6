"""Broadcasts in the forms of both versions of frames."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from quartapp import Broadcast, Connection, Principal, core, encode
from quartapp.realtime.channel import Channel
from quartapp.realtime.close_codes import TRY_AGAIN_LATER
from quartapp.realtime.connection import OUTBOX_BYTES
from quartapp.realtime.wire import NoWire


@pytest.fixture
def counted():
    """A broadcast, and how often each of its forms was encoded."""
    calls = {"plain": 0, "full": 0}

    def made(name, beside):
        calls[name] += 1
        return (encode("SHOUTED", {"text": "hello"}, beside),)

    told = Broadcast(lambda: made("plain", {}), lambda: made("full", {"number": 7}))
    return told, calls


@pytest.mark.parametrize(
    ("versions", "encoded"),
    [
        ((0, 0, 0), {"plain": 1, "full": 0}),
        ((1, 1), {"plain": 0, "full": 1}),
        ((0, 1, 0, 1), {"plain": 1, "full": 1}),
    ],
)
async def test_broadcast_is_encoded_once_for_each_form_that_a_socket_needs(
    server, counted, versions, encoded
):
    told, calls = counted
    sockets = [
        await server.socket(await server.person("student"), version=version) for version in versions
    ]
    core(server.app).hub.broadcast(told)
    plain = {"event": "SHOUTED", "data": {"text": "hello"}}
    for socket, version in zip(sockets, versions, strict=True):
        assert await socket.receive() == ({**plain, "number": 7} if version else plain)
    assert calls == encoded


async def test_copy_of_the_sender_has_the_reference(server):
    people = await server.people("student", 2)
    sender, other = [await server.socket(person, version=1) for person in people]
    hub = core(server.app).hub
    (connection,) = hub.of(people[0].id)
    told = Broadcast.of("SHOUTED", {}, {"number": 7}, sender=connection.id, ref='a "b"')
    hub.broadcast_all([encode("FIRST", {}), told, Broadcast.of("LAST", {}, {})])
    frames = [{"event": "FIRST", "data": {}}, {"event": "SHOUTED", "data": {}, "number": 7}]
    last = {"event": "LAST", "data": {}}
    assert await sender.drain() == [frames[0], {**frames[1], "ref": 'a "b"'}, last]
    assert await other.drain() == [*frames, last]


async def test_broadcast_without_frames_in_a_form_is_sent_to_nobody_of_that_form(server):
    person = await server.person("student")
    plain, full = await server.socket(person), await server.socket(person, version=1)
    core(server.app).hub.broadcast(Broadcast(tuple, lambda: (encode("NEW", {}),)))
    assert await plain.drain() == []
    assert await full.drain() == [{"event": "NEW", "data": {}}]


@pytest.fixture
async def slow(server):
    """A connection whose peer reads nothing until ``reads`` is set, and what the peer has read."""
    taken, reads = [], asyncio.Event()

    async def send(message):
        await reads.wait()
        taken.append(message["text"])

    parts = core(server.app)
    channel = Channel(send, NoWire())
    connection = Connection(Principal("someone", "student"), channel, parts.metrics, parts.clock)
    yield SimpleNamespace(connection=connection, channel=channel, reads=reads, taken=taken)
    reads.set()
    await connection.flush()


PIECE = [encode("SHOUTED", {"number": n, "text": "x" * 4000}) for n in range(100)]


async def test_one_piece_larger_than_the_outbox_is_no_overflow(slow):
    assert sum(map(len, PIECE)) > OUTBOX_BYTES
    slow.connection.post("small")
    slow.connection.post_all(PIECE)
    slow.connection.post("small")
    assert slow.channel.close_code is None
    slow.reads.set()
    await slow.connection.flush()
    assert slow.taken == ["small", *PIECE, "small"]
    slow.connection.post_all(PIECE)
    await slow.connection.flush()
    assert slow.channel.close_code is None


async def test_second_large_piece_overflows(slow):
    slow.connection.post_all(PIECE)
    slow.connection.post_all(PIECE)
    assert slow.channel.close_code == TRY_AGAIN_LATER


async def test_small_frames_overflow_the_outbox(slow):
    for frame in PIECE:
        slow.connection.post(frame)
    assert slow.channel.close_code == TRY_AGAIN_LATER
