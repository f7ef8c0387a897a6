"""Coroutines whose first step runs at once; a coroutine that need not wait needs no task."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

Result = TypeVar("Result")


class EagerCoroutine(Generic[Result]):
    """A coroutine whose first step runs when this object is made; the rest runs when awaited.

    Args:
        coroutine: A coroutine that nobody has awaited.

    Attributes:
        over: Whether nothing is left to await.
        result: The value that the coroutine returned, once it is over.

    Raises:
        Exception: What the coroutine raises in its first step.
    """

    __slots__ = ("_coroutine", "_waiting_for", "over", "result")

    result: Result

    def __init__(self, coroutine: Coroutine[Any, None, Result]) -> None:
        self._coroutine = coroutine
        self.over = False
        self._step(partial(coroutine.send, None))

    def __await__(self) -> Generator[Any, Any, Result]:
        while not self.over:
            try:
                value = yield self._waiting_for
            except BaseException as error:  # noqa: BLE001 - cancellation too belongs to the coroutine
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, value)
            self._step(step)
        return self.result

    def _step(self, step: Callable[[], object]) -> None:
        try:
            self._waiting_for = step()
        except StopIteration as end:
            self.over, self.result = True, end.value
