"""Tables as CSV files for spreadsheets."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from quartapp_reports.tables import Cell, Table

# With this beginning, Excel reads UTF-8.
BOM = "\ufeff"
# What spreadsheets take for the beginning of a formula, or skip before one.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS_PER_CHUNK = 25


async def csv_chunks(table: Table) -> AsyncIterator[bytes]:
    """Yield the parts of a CSV file (RFC 4180) in UTF-8 with a byte order mark.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        table: The table, whose rows are used up.
    """
    yield BOM.encode() + _lines([table.head])
    rows = iter(table.rows)
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        yield _lines(chunk)


def _lines(rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
