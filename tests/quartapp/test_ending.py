"""The end of background tasks, also of tasks that lose a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from quartapp import end_tasks


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_a_task_ends_however_often_a_cancellation_gets_lost(lost):
    cancelled = 0

    async def losing():
        nonlocal cancelled
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled > lost:
                    raise

    task = asyncio.create_task(losing())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert task.cancelled()
    assert cancelled == lost + 1


async def test_tasks_end_however_they_end():
    async def fails_when_cancelled():
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("a bug")

    async def ended_before():
        pass

    tasks = [asyncio.create_task(fails_when_cancelled()), asyncio.create_task(ended_before())]
    await asyncio.sleep(0)
    await end_tasks(tasks)
    assert all(task.done() for task in tasks)


async def test_no_tasks_end_at_once():
    await end_tasks([])
