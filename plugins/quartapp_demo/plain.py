"""The screen for files and pipes: lines of text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from quartapp_demo.words import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_demo.contents import Contents
    from quartapp_demo.roll import Roll
    from quartapp_demo.school import Person


LABEL_WIDTH = 27


class PlainScreen:
    """A screen that prints lines of text, for files and pipes."""

    def opening(self, title: str, subtitle: str) -> None:
        """Print the title and the subtitle."""
        self.line(title)
        self.line(subtitle)
        self.line()

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Print nothing; :meth:`done` reports the step."""
        yield lambda progress: None

    def done(self, what: str, detail: str) -> None:
        """Print a finished step in one line."""
        self.line(f"{what:<{LABEL_WIDTH}}{detail}")

    def heading(self, text: str) -> None:
        """Print a heading between two empty lines."""
        self.line()
        self.line(text)

    def line(self, text: str = "") -> None:
        """Print one line."""
        click.echo(text)

    @contextmanager
    def calling(self, roll: Roll) -> Iterator[None]:
        """Print nothing before and after the roll call; each mark has its own line."""
        self.heading("Roll call")
        yield

    def called(self, roll: Roll, student: Person) -> None:
        """Print one mark."""
        number, of = len(roll.latencies), len(roll.calls())
        status = roll.marks[student.id]
        self.line(
            f"  {number:>2}/{of}  {status:<8} {student.name:<18}"
            f"seen by {roll.sockets} sockets in {milliseconds(roll.latencies[-1])}"
        )

    def remark(self, text: str) -> None:
        """Print a remark in line with the marks."""
        self.line(f"  {text}")

    def contents(self, contents: Contents, marked: set[str]) -> None:
        """Print the collections, then the records."""
        for name, number in contents.documents.items():
            self.line(f"  {name:<12}{number:>4}")
        self.heading(f"The {len(contents.records)} records")
        for record in contents.records:
            how = "called" if record.student_id in marked else "by DONE"
            at = f"{record.marked_at:%H:%M:%S.%f}"[:-3]
            self.line(f"  {record.name:<18}{record.status:<9}{at} UTC  {how}")
