"""Waiting for conditions that nobody signals, outside an event loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_SECONDS = 120.0
POLL_SECONDS = 0.02


def until(question: Callable[[], Any]) -> Any:
    """Wait until a question has a true answer, and return that; fail after a deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(POLL_SECONDS)
    return answer
