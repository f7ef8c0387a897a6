"""The change stream of sessions, which is opened again after it breaks."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import core
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.live.stream import PAUSES, SessionStream
from quartapp_attendance.metrics import AttendanceMetrics
from tests.support.failing_commands import OPTIONS, STREAM, fail


@pytest.fixture
async def stream(own_mongod, serve, turned_clock):
    """A stream that nobody else shares the clock with, and the mongod that it reads from."""
    mongod = own_mongod(*OPTIONS)
    parts = core((await serve(mongodb_uri=mongod.uri)).app)
    projector, metrics = parts.services.get(Projector), parts.services.get(AttendanceMetrics)
    stream = SessionStream(parts.database, projector, metrics, turned_clock)
    running = asyncio.create_task(stream.run())
    await stream.ready.wait()
    yield stream, mongod
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_pauses_grow_until_a_stream_has_lasted(stream, turned_clock):
    stream, mongod = stream

    async def goes_on_after(pause):
        """The stream pauses for that long, and then tries again."""
        await turned_clock.asked(pause)
        assert turned_clock.waiting == [pause]
        await turned_clock.advance(pause)

    async def opens_after(pause):
        # The try before has failed by now, and cannot open the stream instead.
        await turned_clock.asked(pause)
        stream.ready.clear()
        fail(mongod, "sessions")
        await goes_on_after(pause)
        await stream.ready.wait()

    fail(mongod, "sessions", *STREAM)
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2):
        await goes_on_after(pause)
    await opens_after(2)
    # A stream that opens and breaks at once has not recovered, and neither has a short one.
    for lasts in (0, PAUSES.longest - 0.1):
        await turned_clock.advance(lasts)
        fail(mongod, "sessions", *STREAM)
        await goes_on_after(2)
        await opens_after(2)
    await turned_clock.advance(PAUSES.longest + 0.1)
    fail(mongod, "sessions", *STREAM)
    await goes_on_after(0.1)
    await opens_after(0.2)
