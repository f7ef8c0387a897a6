"""The story as lines of text, for files and pipes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from quartapp_demo.words import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_demo.holdings import Holdings
    from quartapp_demo.roll import Roll
    from quartapp_demo.school import Person


LABEL_WIDTH = 27


class PlainScreen:
    """Lines of text, for files and pipes."""

    def opening(self, title: str, subtitle: str) -> None:
        """The first words."""
        self.line(title)
        self.line(subtitle)
        self.line()

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Nothing: the step is told when it is done."""
        yield lambda progress: None

    def done(self, what: str, detail: str) -> None:
        """A step in one line."""
        self.line(f"{what:<{LABEL_WIDTH}}{detail}")

    def heading(self, text: str) -> None:
        """A line above and below it is free."""
        self.line()
        self.line(text)

    def line(self, text: str = "") -> None:
        """One line."""
        click.echo(text)

    @contextmanager
    def calling(self, roll: Roll) -> Iterator[None]:
        """Each mark gets its line."""
        self.heading("Roll call")
        yield

    def called(self, roll: Roll, student: Person) -> None:
        """One mark."""
        number, of = len(roll.latencies), len(roll.calls())
        status = roll.marks[student.id]
        self.line(
            f"  {number:>2}/{of}  {status:<8} {student.name:<18}"
            f"seen by {roll.sockets} sockets in {milliseconds(roll.latencies[-1])}"
        )

    def remark(self, text: str) -> None:
        """In line with the marks."""
        self.line(f"  {text}")

    def holdings(self, held: Holdings, marked: set[str]) -> None:
        """Collections, then records."""
        for name, number in held.documents.items():
            self.line(f"  {name:<12}{number:>4}")
        self.heading(f"The {len(held.records)} records")
        for record in held.records:
            how = "called" if record.student_id in marked else "by DONE"
            at = f"{record.marked_at:%H:%M:%S.%f}"[:-3]
            self.line(f"  {record.name:<18}{record.status:<9}{at} UTC  {how}")
