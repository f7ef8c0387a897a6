"""Tables as pages to print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from quartapp_reports.tables import UNMARKED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from quartapp_reports.tables import Table

HERE = Path(__file__).parent
STATIC_PREFIX = "/reports/static"
# What fits on the width of a page beside the names.
SESSIONS_PER_PART = 20
_PARTS_PER_CHUNK = 500


class PrintPages:
    """Writes tables as HTML."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("print.html")

    async def chunks(self, table: Table) -> AsyncIterator[str]:
        """Yield the parts of a page for A4 in landscape.

        A register has a part of the page for each ``SESSIONS_PER_PART`` sessions, with the names
        beside, and a short name for each status, which the legend explains.

        Args:
            table: The table, whose rows are used up.
        """
        is_register = table.kind == "register"
        letters = {code: short for code, short, _ in table.legend} if is_register else {}
        # Ids are for machines.
        heads = list(table.head[2:])
        rows = [(row[0], [letters.get(str(cell), cell) for cell in row[2:]]) for row in table.rows]
        size = SESSIONS_PER_PART if is_register else len(heads)
        parts = [slice(begin, begin + size) for begin in range(0, len(heads) or 1, size)]
        legend = [(letters.get(code, code), label) for code, _, label in table.legend]
        stream = self._template.stream(
            table=table,
            heads=heads,
            rows=rows,
            parts=parts,
            legend=[*legend, (UNMARKED, "not marked")] if is_register else legend,
            style=f"{STATIC_PREFIX}/print.css",
        )
        stream.enable_buffering(_PARTS_PER_CHUNK)
        for chunk in stream:
            yield chunk
