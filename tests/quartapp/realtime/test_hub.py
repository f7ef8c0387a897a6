"""The limits on the number of sockets, and on the pace of their frames."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus

from quartapp.parts import core
from quartapp.realtime import pace
from quartapp.realtime.channel import Channel
from quartapp.realtime.hub import SPREAD_SECONDS
from quartapp.realtime.pace import Pace, TooFastError
from quartapp.realtime.wire import NoWire

UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}


TOO_MANY = {"event": "ERROR", "data": {"message": "Too many sockets"}}


async def assert_one_too_many(server, person=None, **options):
    socket = await server.socket(person, **options)
    assert (await socket.closed(), socket.history) == (1013, [TOO_MANY])


async def test_user_cannot_exceed_the_socket_limit_and_others_are_not_affected(serve, eventually):
    server = await serve(max_sockets_per_user=3)
    greedy, other = await server.people("student", 2)
    sockets = [await server.socket(greedy) for _ in range(3)]
    await assert_one_too_many(server, greedy)
    assert await (await server.socket(other)).ask("HELLO") == UNKNOWN
    await sockets[0].close()

    async def one_has_left():
        return len(core(server.app).hub._places) == 3  # one of them of the other

    await eventually(one_has_left)
    assert await (await server.socket(greedy)).ask("HELLO") == UNKNOWN


@pytest.mark.parametrize(("registration", "most"), [("open", 1000), ("invite", 20)])
async def test_limit_of_a_user_is_larger_where_everybody_may_register(
    serve, monkeypatch, registration, most
):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", registration)
    server = await serve()
    person = await server.person("student")
    told = (await server.api.get(f"{server.url}/metrics")).text
    assert f'quartapp_sockets_limit{{of="user"}} {most}.0' in told
    if most == 20:
        sockets = [await server.socket(person) for _ in range(most)]
        await assert_one_too_many(server, person)
        assert await sockets[0].ask("HELLO") == UNKNOWN


@pytest.mark.parametrize("registration", ["open", "invite"])
async def test_limit_of_a_user_that_is_said_is_kept(serve, monkeypatch, registration):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", registration)
    server = await serve(max_sockets_per_user=1, max_sockets=7)
    told = (await server.api.get(f"{server.url}/metrics")).text
    assert 'quartapp_sockets_limit{of="user"} 1.0' in told
    assert 'quartapp_sockets_limit{of="process"} 7.0' in told


async def test_process_cannot_exceed_the_socket_limit(serve):
    server = await serve(max_sockets=4)
    people = await server.people("student", 3)
    for person in (*people, people[0]):
        await server.socket(person)
    await assert_one_too_many(server, people[1])
    await assert_one_too_many(server, path="/ws?token=bad")
    assert (await server.api.get("/class", headers=people[0].headers)).status_code == 200


async def test_places_are_counted_from_the_handshake_on(serve, eventually):
    server = await serve(max_sockets_per_user=5)
    student = await server.person("student")
    sockets = await asyncio.gather(*(server.socket(student) for _ in range(40)))
    closing = {asyncio.create_task(socket.closed()): socket for socket in sockets}

    async def all_but_five_are_closed():
        return sum(task.done() for task in closing) == 35

    await eventually(all_but_five_are_closed)
    for task, socket in closing.items():
        if task.done():
            assert (task.result(), socket.history) == (1013, [TOO_MANY])
        else:
            task.cancel()
            await asyncio.wait([task])
            assert await socket.ask("HELLO") == UNKNOWN


async def test_closed_sockets_free_all_their_places(serve, eventually):
    server = await serve(max_sockets_per_user=2, max_sockets=2)
    student = await server.person("student")
    for _ in range(3):
        socket = await server.socket(path="/ws?token=bad")
        assert await socket.closed() == 1008
    for _ in range(3):
        pair = [await server.socket(student) for _ in range(2)]
        await assert_one_too_many(server, student)
        for socket in pair:
            await socket.close()

        async def all_are_free():
            return not core(server.app).hub._open

        await eventually(all_are_free)
    assert not len(core(server.app).hub._places)


async def test_stopping_server_accepts_no_sockets(server):
    student = await server.person("student")
    await core(server.app).hub.drain(1)
    with pytest.raises(InvalidStatus) as refusal:
        await server.socket(student)
    answer = refusal.value.response
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert json.loads(answer.body) == {"success": False, "error": "Service Unavailable"}


async def test_many_sockets_are_closed_in_batches(serve, turned_clock, monkeypatch):
    monkeypatch.setattr("quartapp.realtime.hub.BATCH_SOCKETS", 5)
    monkeypatch.setattr("quartapp.realtime.hub.SPREAD_SOCKETS", 40)
    server = await serve(clock=turned_clock)
    student = await server.person("student")
    sockets = [await server.socket(student) for _ in range(40)]
    hub = core(server.app).hub
    connections = list(hub)

    def told():
        return [one for one in connections if one._channel.close_code is not None]

    began = turned_clock.monotonic()
    draining = asyncio.create_task(hub.drain(5))
    await turned_clock.advance(0)
    assert len(told()) == 5
    assert told() != connections[:5], "the order has nothing to do with who came first"
    seen = {5}
    while len(told()) < 40:
        await turned_clock.advance(0.01)
        seen.add(len(told()))
    assert turned_clock.monotonic() - began < SPREAD_SECONDS + 0.01
    assert all(count % 5 == 0 for count in seen)
    assert len(seen) > 2
    await draining
    assert await asyncio.gather(*(socket.closed() for socket in sockets)) == [1001] * 40


async def test_a_client_that_is_too_fast_is_slowed_and_then_closed(
    serve, turned_clock, turning, monkeypatch
):
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 0.5)
    server = await serve(websocket_rate=50, websocket_burst=20, clock=turned_clock)
    student = await server.person("student")
    socket = await server.socket(student)
    began = turned_clock.monotonic()

    async def send_on():
        while True:
            await socket.send("HELLO")

    sending = asyncio.create_task(send_on())
    async with turning(turned_clock, 1 / 50):
        assert await socket.closed() == 1008
    took = turned_clock.monotonic() - began
    await asyncio.gather(sending, return_exceptions=True)
    assert took == pytest.approx(0.5, abs=0.05)
    assert 20 < len(socket.history) <= 20 + took * 50 + 1
    assert await (await server.socket(student)).ask("HELLO") == UNKNOWN


async def test_a_client_that_keeps_to_the_pace_after_a_burst_stays(
    serve, turned_clock, turning, monkeypatch
):
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 1.5)
    server = await serve(websocket_rate=50, websocket_burst=50, clock=turned_clock)
    socket = await server.socket(await server.person("student"))
    for _ in range(3):
        for _ in range(100):
            await socket.send("HELLO")
        async with turning(turned_clock, 1 / 50):
            assert [await socket.receive() for _ in range(100)] == [UNKNOWN] * 100
        await turned_clock.advance(1.1)


async def test_frames_after_the_close_are_dropped():
    channel = Channel(None, NoWire())
    channel.close(1008)
    for _ in range(100):
        await channel.put("x")
    assert not channel._inbox


def test_pause_of_a_second_restores_the_patience():
    now = 100.0
    taker = Pace(rate=10, burst=20, monotonic=lambda: now)
    assert [taker.take() for _ in range(20)] == [0.0] * 20
    waits = [taker.take() for _ in range(5)]
    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    now += 2.0
    assert taker.take() == 0.0
    for _ in range(25):
        taker.take()
    now += pace.PATIENCE_SECONDS - 1
    taker._left = 0.0
    taker._last = now
    assert taker.take() > 0
    now += 2
    taker._left = 0.0
    taker._last = now
    with pytest.raises(TooFastError):
        taker.take()
