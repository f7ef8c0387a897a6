"""The progress of an import, on standard error: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """A display of phases, one after another."""

    def phase(self, title: str, total: int) -> AbstractContextManager[None]:
        """Show a phase while the context lasts.

        Args:
            title: Title of the phase.
            total: Amount of work in the phase, in the unit of :meth:`advance`.
        """

    def advance(self, count: int) -> None:
        """Show that more of the phase is done.

        Args:
            count: Amount of work done since the last call.
        """


class Bars:
    """A bar for each phase, for people who watch."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn

        self._bars = Progress(
            "{task.description:<34}",
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bars.add_task("", visible=False)

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[None]:
        """Show a bar."""
        with self._bars:
            # A bar with a total of zero would move for ever.
            self._task = self._bars.add_task(title, total=max(total, 1))
            yield
            self._bars.update(self._task, completed=max(total, 1))
        self._bars.remove_task(self._task)

    def advance(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)


class Lines:
    """A line for each finished phase, for logs."""

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[None]:
        """Write a line when the phase is finished."""
        yield
        sys.stderr.write(f"{title}: done\n")

    def advance(self, count: int) -> None:
        """Write nothing: logs need no bar."""


def shown() -> Progress:
    """Return the display that suits standard error."""
    return Bars() if sys.stderr.isatty() else Lines()
