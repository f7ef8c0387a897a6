"""The clock that tests turn, in this process and in others."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import Tokens
from quartapp.testing import SECRET

UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}
LONG = "86400"


async def test_due_timers_fire_in_order_at_their_time(turned_clock):
    began, seen = turned_clock.monotonic(), []

    def note(name):
        seen.append((name, turned_clock.monotonic() - began))

    async def wait(name, *pauses):
        for pause in pauses:
            await turned_clock.sleep(pause)
            note(name)

    waiting = asyncio.gather(wait("a", 2, 2), wait("b", 3))
    turned_clock.call_later(1, note, "c")
    await turned_clock.asked(3)
    await turned_clock.advance(3.5)
    assert seen == [("c", 1), ("a", 2), ("b", 3)]
    await turned_clock.advance(0.5)
    await waiting
    assert seen[-1] == ("a", 4)
    assert turned_clock.waiting == []


async def test_a_timer_that_was_cancelled_does_nothing(turned_clock):
    seen = []
    turned_clock.call_later(1, seen.append, 1).cancel()
    await turned_clock.advance(2)
    assert seen == []


async def test_limit_ends_only_calls_that_take_longer(turned_clock):
    limit = turned_clock.timeout(5)

    async def inside():
        async with limit:
            await asyncio.Event().wait()

    task = asyncio.create_task(inside())
    await turned_clock.asked(5)
    await turned_clock.advance(4.9)
    assert not task.done()
    await turned_clock.advance(0.1)
    with pytest.raises(TimeoutError):
        await task
    assert limit.expired()
    assert await turned_clock.wait_for(asyncio.sleep(0, "in time"), 5) == "in time"
    assert turned_clock.waiting == []


async def test_cancellation_within_a_limit_is_not_swallowed(turned_clock):
    task = asyncio.create_task(turned_clock.wait_for(asyncio.Event().wait(), 5))
    await turned_clock.asked(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_time_means_no_wait(turned_clock):
    await turned_clock.sleep(0)
    with pytest.raises(TimeoutError):
        await turned_clock.wait_for(asyncio.Event().wait(), 0)


async def test_time_and_date_go_together(turned_clock):
    before = turned_clock.now()
    await turned_clock.advance(90.5)
    assert (turned_clock.now() - before).total_seconds() == 90.5
    assert turned_clock.now().timestamp() == turned_clock.time()


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_clock_of_a_process_is_turned_in_all_its_workers(
    serve_process, mongodb_uri, clock_in_process, workers
):
    process = await serve_process(
        *("--workers", str(workers)),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET=SECRET,
        PYTHONPATH=clock_in_process,
        QUARTAPP_WEBSOCKET_SILENCE=LONG,
    )
    student = await process.client.person("student")
    token = Tokens(SECRET, lifetime=3600).issue(student.id, "student")
    path = f"/ws?token={token}"
    sockets = [await process.client.socket(path=path) for _ in range(4 * workers)]
    await process.advance(3000)
    for socket in sockets:
        assert await socket.ask("HELLO") == UNKNOWN
    await process.advance(3000)
    assert [await socket.closed() for socket in sockets] == [1008] * len(sockets)
    assert await process.terminate() == 0, process.stderr
