"""Tables as XLSX files, in memory that does not grow with them."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

from quartapp_reports.errors import XlsxNotInstalledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from quartapp_reports.tables import Table

CHUNK_BYTES = 64 * 1024
NAME_WIDTH, ID_WIDTH = 32, 26
A4 = 9
# One table gives one file, byte for byte, whenever it is written; archives begin in this year.
CREATED = datetime(1980, 1, 1, tzinfo=UTC)


def can_write() -> bool:
    """Tell whether the library that writes XLSX files is installed."""
    return find_spec("xlsxwriter") is not None


class XlsxFiles:
    """Writes XLSX files to temporary files, one at a time."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def written(self, table: Table) -> IO[bytes]:
        """Return a temporary file, which vanishes when it is closed, with a table.

        Args:
            table: The table, whose rows are used up.

        Raises:
            XlsxNotInstalledError: The library that writes XLSX files is not installed.
        """
        if not can_write():
            raise XlsxNotInstalledError
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends the file closes it
        try:
            async with self._one:
                await asyncio.to_thread(_write, table, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file


async def file_chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts of a file, and close it.

    Args:
        file: The file.
    """
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def _write(table: Table, file: IO[bytes]) -> None:
    # The extra xlsx brings it, and other formats do without.
    from xlsxwriter import Workbook

    with Workbook(file, {"constant_memory": True}) as book:
        book.set_properties({"title": table.title, "created": CREATED})
        sheet, bold = book.add_worksheet(table.kind.title()), book.add_format({"bold": True})
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, NAME_WIDTH)
        sheet.set_column(1, 1, ID_WIDTH)
        for column, text in enumerate(table.head):
            sheet.write_string(0, column, text, bold)
        for number, row in enumerate(table.rows, 1):
            for column, cell in enumerate(row):
                # A text stays one, so that nothing becomes a formula.
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write_number(number, column, cell)
