"""How the story is shown. Where the output is no terminal: plain lines, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from quartapp_demo.holdings import Holdings
    from quartapp_demo.roll import Roll
    from quartapp_demo.school import Person


class Screen(Protocol):
    """What the story needs to be shown."""

    def opening(self, title: str, subtitle: str) -> None:
        """The first words."""

    def working(self, what: str) -> AbstractContextManager[Callable[[str], None]]:
        """Something that takes a moment; call the result to say how far it is."""

    def done(self, what: str, detail: str) -> None:
        """A step that is finished, with what was measured."""

    def heading(self, text: str) -> None:
        """A new part of the story."""

    def line(self, text: str = "") -> None:
        """One line, never wrapped, to read or to copy."""

    def calling(self, roll: Roll) -> AbstractContextManager[None]:
        """The roll call, shown while it goes on."""

    def called(self, roll: Roll, student: Person) -> None:
        """A mark that all sockets have seen."""

    def remark(self, text: str) -> None:
        """Something that happens in the middle of the roll call."""

    def holdings(self, held: Holdings, marked: set[str]) -> None:
        """What the database holds; ``marked`` are the ids of the students who had a mark."""
