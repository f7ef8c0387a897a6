"""The stop of an import by ctrl-C or SIGTERM, between two writes and never during one."""

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
    """A request to stop the import."""


class Stoppable:
    """A progress display that stops the work at its next step after a request to stop.

    Cancelling the task is no alternative: half of the work runs in threads, and before Python 3.12
    ``asyncio.wait_for``, which the driver uses, sometimes loses a cancellation.

    Args:
        progress: The display.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked = False

    def phase(self, title: str, total: int) -> AbstractContextManager[None]:
        """Show a phase."""
        return self._progress.phase(title, total)

    def advance(self, count: int) -> None:
        """Show that more of the phase is done.

        Args:
            count: Amount of work done since the last call.

        Raises:
            StoppedError: Somebody asked the import to stop.
        """
        if self._asked:
            raise StoppedError
        self._progress.advance(count)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop the import at the first signal; a second one has its usual effect."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can handle signals
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
