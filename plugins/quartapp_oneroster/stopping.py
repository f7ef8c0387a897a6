"""Ctrl-C and SIGTERM end an import between two writes, not in one."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from quartapp_oneroster.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(Exception):
    """Somebody asked the import to stop."""


class Stoppable:
    """Progress that ends the work at its next step once it is asked to.

    Cancelling the task would not do: half of the work is in threads, and before Python 3.12
    ``asyncio.wait_for``, which the driver uses, loses a cancellation now and then.

    Args:
        progress: What is shown.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked = False

    def phase(self, title: str, total: int) -> AbstractContextManager[None]:
        """Show a phase."""
        return self._progress.phase(title, total)

    def advance(self, count: int) -> None:
        """Show that so much more is over.

        Raises:
            StoppedError: It is to go no further.
        """
        if self._asked:
            raise StoppedError
        self._progress.advance(count)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop for a first signal; a second one has its usual effect."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        usual = {number: signal.getsignal(number) for number in _SIGNALS}

        def stop(number: int, frame: Any) -> None:  # noqa: ANN401 - signal's own
            self._asked = True
            _restore(usual)

        for number, handler in usual.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, stop)
        try:
            yield
        finally:
            _restore(usual)


def _restore(handlers: dict[signal.Signals, Any]) -> None:  # Any: what getsignal returns
    for number, handler in handlers.items():
        signal.signal(number, handler)
