"""How far an import is: a bar in a terminal, plain lines elsewhere. Both on standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Shows phases one after another."""

    def phase(self, title: str, total: int) -> AbstractContextManager[None]:
        """Show a phase while the context lasts; ``total`` is what :meth:`advance` adds up to."""

    def advance(self, count: int) -> None:
        """Show that so much more of the phase is over."""


class Bars:
    """One bar for each phase, for people who watch."""

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
            # A bar without an end would go on for ever where there is nothing to do.
            self._task = self._bars.add_task(title, total=max(total, 1))
            yield
            self._bars.update(self._task, completed=max(total, 1))
        self._bars.remove_task(self._task)

    def advance(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)


class Lines:
    """One line for each phase that is over, for logs."""

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[None]:
        """Write a line when it is over."""
        yield
        sys.stderr.write(f"{title}: done\n")

    def advance(self, count: int) -> None:
        """Say nothing: logs need no bar."""


def shown() -> Progress:
    """What suits the place that standard error goes to."""
    return Bars() if sys.stderr.isatty() else Lines()
