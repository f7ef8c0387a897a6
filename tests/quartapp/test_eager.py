"""Eager coroutines: they begin before anybody awaits them."""

from __future__ import annotations

import asyncio

import pytest

from quartapp._eager import EagerCoroutine


async def test_coroutine_that_never_waits_is_over_at_once():
    async def answer():
        return 42

    eager = EagerCoroutine(answer())
    assert eager.over
    assert eager.result == 42
    assert await eager == 42


async def test_coroutine_that_waits_goes_on_when_it_is_awaited():
    opened = asyncio.Event()
    steps = []

    async def answer():
        steps.append("begun")
        await opened.wait()
        steps.append("ended")
        return 42

    eager = EagerCoroutine(answer())
    assert (eager.over, steps) == (False, ["begun"])
    opened.set()
    assert await eager == 42
    assert (eager.over, steps) == (True, ["begun", "ended"])


async def test_error_of_the_first_step_is_raised_at_once():
    async def fail():
        raise LookupError("no licence")

    with pytest.raises(LookupError, match="no licence"):
        EagerCoroutine(fail())


async def test_a_cancellation_reaches_the_coroutine():
    cancelled = []

    async def wait():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def outer(eager):
        await eager

    task = asyncio.ensure_future(outer(EagerCoroutine(wait())))
    await asyncio.sleep(0)  # a step, not a time: the task has begun to wait
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [True]
