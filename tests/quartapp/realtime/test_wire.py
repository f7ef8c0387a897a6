"""Frames on their way out: over the short way to the wire and over the server's own."""

from __future__ import annotations

import pytest

from quartapp.parts import core
from quartapp.realtime.messages import encode
from quartapp.realtime.wire import WIRE_EXTENSION, Parcel

AROUND = len(encode("SHOUTED", {"text": ""}))
# The sizes at which the length in a frame's head takes another form (RFC 6455, section 5.2).
SIZES = [AROUND, 125, 126, 65_535, 65_536, 200_000]


def without_the_short_way(app):
    served = app.asgi_app

    async def asgi(scope, receive, send):
        if scope["type"] == "websocket":
            assert scope["extensions"].pop(WIRE_EXTENSION)
        await served(scope, receive, send)

    app.asgi_app = asgi


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("way", ["short", "long", "behind a proxy"])
async def test_frames_of_every_size_arrive_as_they_were_sent(serve, way, compression):
    server = await serve(
        trusted_proxies=int(way == "behind a proxy"), websocket_compression=compression
    )
    if way == "long":
        without_the_short_way(server.app)
    socket = await server.socket(await server.person("student"))
    assert ("Sec-WebSocket-Extensions" in socket.connection.response.headers) == compression
    texts = ["x" * (size - AROUND) for size in SIZES] + ["Zoë 🙂"]
    frames = [encode("SHOUTED", {"text": text}) for text in texts]
    hub = core(server.app).hub
    for frame in frames:
        hub.broadcast(frame)
        assert (await socket.receive())["data"]["text"] == texts[frames.index(frame)]
    hub.broadcast_all(frames)
    assert [(await socket.receive())["data"]["text"] for _ in frames] == texts


async def test_the_short_way_is_taken_until_something_waits(server):
    socket = await server.socket(await server.person("student"))
    (connection,) = core(server.app).hub
    parcel = Parcel([encode("SHOUTED", {"text": "x" * 50_000})])
    taken = 0
    while connection._channel.wire.write(parcel.packed(connection.id, 0)):
        taken += 1
    assert taken
    connection.post_parcel(parcel)
    assert [(await socket.receive())["event"] for _ in range(taken + 1)] == ["SHOUTED"] * (
        taken + 1
    )
