"""The output of the demo: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from quartapp_demo.contents import Contents
    from quartapp_demo.roll import Roll
    from quartapp_demo.school import Person


class Screen(Protocol):
    """The operations with which the story is shown."""

    def opening(self, title: str, subtitle: str) -> None:
        """Show the title and the subtitle."""

    def working(self, what: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show that a step is running; call the result with text to show progress."""

    def done(self, what: str, detail: str) -> None:
        """Show a finished step, with what was measured."""

    def heading(self, text: str) -> None:
        """Show the heading of the story's next part."""

    def line(self, text: str = "") -> None:
        """Show one line, never wrapped, to read or to copy."""

    def calling(self, roll: Roll) -> AbstractContextManager[None]:
        """Show the roll call while the context lasts."""

    def called(self, roll: Roll, student: Person) -> None:
        """Show a mark that all sockets have received."""

    def remark(self, text: str) -> None:
        """Show a remark in the middle of the roll call."""

    def contents(self, contents: Contents, marked: set[str]) -> None:
        """Show the contents of the database.

        Args:
            contents: What the database contains.
            marked: Ids of the students who had a mark before DONE.
        """
