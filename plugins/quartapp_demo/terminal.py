"""The screen for a terminal: a live panel during the roll call, printed lines before and after."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from quartapp_demo.plain import LABEL_WIDTH
from quartapp_demo.roll import ABSENT, PRESENT
from quartapp_demo.school import CLASS_NAME, STUDENTS
from quartapp_demo.words import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from quartapp_demo.contents import Contents
    from quartapp_demo.roll import Roll
    from quartapp_demo.school import Person

WIDEST = 104
NAME_WIDTH = max(map(len, STUDENTS))
CELL_WIDTH = NAME_WIDTH + 5
RECORD_WIDTH = NAME_WIDTH + 12
# Signs for terminals whose encoding is not Unicode.
ASCII_SIGNS = {PRESENT: "+", ABSENT: "x", None: ".", "done": "*"}
SIGNS = {PRESENT: "✓", ABSENT: "✗", None: "·", "done": "✓"}
STYLES = {PRESENT: "green", ABSENT: "red", None: "dim"}


class TerminalScreen:
    """A screen with colours, and a table that is redrawn in place.

    Args:
        output: The terminal.
    """

    def __init__(self, output: TextIO) -> None:
        self._console = Console(file=output, highlight=False, markup=False, emoji=False)
        unicode = self._console.encoding.lower().startswith("utf")
        self._signs = SIGNS if unicode else ASCII_SIGNS
        self._live: Live | None = None
        self._roll: Roll | None = None
        self._remark = Text()

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDEST)

    def opening(self, title: str, subtitle: str) -> None:
        """Print the title and the subtitle."""
        self._console.print()
        self._console.print(Text(f" {title}", "bold"))
        self._console.print(Text(f" {subtitle}", "dim"))
        self._console.print()

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show a spinner until the step is done."""
        with self._console.status(Text(what, "dim"), spinner_style="cyan") as status:
            yield lambda progress: status.update(Text(f"{what}: {progress}", "dim"))

    def done(self, what: str, detail: str) -> None:
        """Print a finished step with a tick."""
        text = Text.assemble(
            (f" {self._signs['done']} ", "green"), f"{what:<{LABEL_WIDTH}}", (detail, "dim")
        )
        self._console.print(text)

    def heading(self, text: str) -> None:
        """Print a bold heading below an empty line."""
        self._console.print()
        self._console.print(Text(f" {text}", "bold"))

    def line(self, text: str = "") -> None:
        """Print a line without wrapping: a command that is wrapped cannot be copied."""
        self._console.print(Text(text), soft_wrap=True)

    @contextmanager
    def calling(self, roll: Roll) -> Iterator[None]:
        """Show the live panel. It is drawn after each mark, never during a measurement."""
        self._roll = roll
        self._console.print()
        with Live(
            self._panel(roll), console=self._console, auto_refresh=False, redirect_stdout=False
        ) as self._live:
            yield
            self._live.update(self._panel(roll), refresh=True)
        self._live = None

    def called(self, roll: Roll, student: Person) -> None:
        """Draw the mark."""
        self._draw()

    def remark(self, text: str) -> None:
        """Show a remark under the progress bar, in place of the last one."""
        self._remark = Text(text, "cyan")
        self._draw()

    def _draw(self) -> None:
        if self._live is not None and self._roll is not None:
            self._live.update(self._panel(self._roll), refresh=True)

    def _panel(self, roll: Roll) -> Panel:
        rows = Group(self._people(roll), Text(), self._progress(roll), Text(), self._remark)
        return Panel(
            rows,
            box=box.ROUNDED,
            border_style="dim",
            title=Text.assemble((f" {CLASS_NAME} ", "bold")),
            title_align="left",
            subtitle=self._latency(roll),
            subtitle_align="right",
            width=self._width,
            padding=(1, 1, 0, 1),
        )

    def _people(self, roll: Roll) -> Table:
        cells = []
        for student in roll.students:
            status = roll.marks.get(student.id)
            style = STYLES[status]
            name_style = "" if status else "dim"
            if student.id == roll.latest:
                style = name_style = f"bold reverse {style}"
            cell = Text(f" {self._signs[status]} ", style)
            cells.append(cell.append(f"{student.name} ", name_style))
        columns = max(1, min(5, (self._width - 4) // CELL_WIDTH))
        return _in_columns(cells, columns, (self._width - 4) // columns)

    def _progress(self, roll: Roll) -> Table:
        counts = roll.summary
        marked = counts["total"]
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(
                total=len(roll.students),
                completed=marked,
                width=max(10, self._width - 56),
                complete_style="green",
                finished_style="green",
            ),
            Text(f"{marked:>2}/{len(roll.students)}"),
            Text(f"{self._signs[PRESENT]} {counts['present']:>2} present", "green"),
            Text(f"{self._signs[ABSENT]} {counts['absent']:>2} absent", "red"),
            Text(f"{self._signs[None]} {len(roll.students) - marked:>2} to call", "dim"),
        )
        return line

    def _latency(self, roll: Roll) -> Text:
        if not roll.latencies:
            return Text(f" {roll.sockets} sockets are listening ", "dim")
        return Text.assemble(
            (f" all {roll.sockets} sockets saw it in ", "dim"),
            milliseconds(roll.latencies[-1]),
            (" · median ", "dim"),
            f"{milliseconds(roll.typical_latency)} ",
        )

    def contents(self, contents: Contents, marked: set[str]) -> None:
        """Print the collections in one line, then the records in columns."""
        counts = Text(" ")
        for name, number in contents.documents.items():
            counts.append(f"  {name} ", "dim").append(str(number), "bold")
        self._console.print(counts)
        self._console.print()
        cells: list[RenderableType] = []
        for record in contents.records:
            cell = Text(f" {self._signs[record.status]} ", STYLES[record.status])
            when = f"{record.marked_at:%H:%M:%S}" if record.student_id in marked else "by DONE"
            cell.append(f"{record.name:<{NAME_WIDTH}}").append(f" {when:<8}", "dim")
            cells.append(cell)
        columns = max(1, min(4, (self._width - 2) // RECORD_WIDTH))
        self._console.print(_in_columns(cells, columns, RECORD_WIDTH, indent=2))


def _in_columns(
    cells: Sequence[RenderableType], columns: int, width: int, indent: int = 0
) -> Table:
    """Arrange cells in columns that are read from top to bottom, as names on a list."""
    height = -(-len(cells) // columns)
    grid = Table.grid(padding=0)
    grid.add_column(width=indent)
    for _ in range(columns):
        grid.add_column(width=width, no_wrap=True)
    chunks = [cells[first : first + height] for first in range(0, len(cells), height)]
    for row in zip_longest(*chunks, fillvalue=""):
        grid.add_row("", *row)
    return grid
