"""Coroutines that are begun by hand, as most have nothing to wait for, and need no task or timer.

``waiting_for = coroutine.send(None)`` begins one. ``StopIteration`` says that it is over, and with
what result; else the rest is awaited here, in the same task.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

Result = TypeVar("Result")


class Begun(Generic[Result]):
    """The rest of a coroutine that was begun by hand.

    Args:
        coroutine: It.
        waiting_for: What it waits for now.
    """

    __slots__ = ("_coroutine", "_waiting_for")

    def __init__(self, coroutine: Coroutine[Any, None, Result], waiting_for: object) -> None:
        self._coroutine = coroutine
        self._waiting_for = waiting_for

    def __await__(self) -> Generator[Any, Any, Result]:
        waiting_for = self._waiting_for
        while True:
            try:
                value = yield waiting_for
            except BaseException as error:  # noqa: BLE001 - cancellation too belongs to the coroutine
                advance = partial(self._coroutine.throw, error)
            else:
                advance = partial(self._coroutine.send, value)
            try:
                waiting_for = advance()
            except StopIteration as end:
                result: Result = end.value
                return result
