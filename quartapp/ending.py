"""The end of tasks that run in the background."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

AGAIN_SECONDS = 0.2


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until all have ended, however they end.

    A single cancellation can get lost at the moment in which the awaited call ends, as in
    ``asyncio.wait_for`` before Python 3.12, which PyMongo uses. The task would then go on for ever,
    and its server would never stop. So this function cancels again until the task has ended.

    Args:
        tasks: The tasks, which must end when they are cancelled.
    """
    ending = list(tasks)
    pending = set(ending)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    await asyncio.gather(*ending, return_exceptions=True)
