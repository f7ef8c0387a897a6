"""A CSV file that is read row by row: UTF-8, with or without a byte order mark, any line ends."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any

from quartapp_oneroster.errors import RosterError

if TYPE_CHECKING:
    import _csv
    from collections.abc import Callable, Iterator

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

_CHUNK_BYTES = 64 * 1024

Row = dict[str, str]


class Table:
    """The rows of a file, each with the number of its first line.

    Args:
        name: Name of the file, for messages.
        opener: Function that opens the file for reading bytes.
        columns: Names of the required columns, in any order. Other columns are ignored.
    """

    def __init__(
        self, name: str, opener: Callable[[], IO[bytes]], columns: tuple[str, ...]
    ) -> None:
        self.name = name
        self._opener = opener
        self._columns = columns
        self.bytes_read = 0

    def __iter__(self) -> Iterator[tuple[int, Row, bool]]:
        """Yield the line number, the trimmed values, and whether each column has a value.

        Raises:
            RosterError: The file is not UTF-8, lacks the header or a column, or has an unclosed
                quote.
        """
        with self._opener() as raw:
            self._refuse_utf16(raw)
            text = io.TextIOWrapper(
                io.BufferedReader(_Counted(raw, self), _CHUNK_BYTES), "utf-8-sig", newline=""
            )
            reader = csv.reader(text, strict=True)
            try:
                yield from self._rows(reader)
            except UnicodeDecodeError as error:
                raise RosterError(self._encoding_message(reader.line_num, error)) from error
            except csv.Error as error:
                raise RosterError(f"{self.name}, line {reader.line_num}: {error}") from error

    def _rows(self, reader: _csv.Reader) -> Iterator[tuple[int, Row, bool]]:
        # Spreadsheets add empty columns at the right, and rows that have nothing but commas.
        header = [name.strip() for name in next(reader, [])]
        while header and not header[-1]:
            header.pop()
        places = self._places(header)
        # A quoted value may contain line ends, so each row begins after the last line of the one
        # before.
        ended = reader.line_num
        for values in reader:
            line, ended = ended + 1, reader.line_num
            values = [value.strip() for value in values]
            if not any(values):
                continue
            while len(values) > len(header) and not values[-1]:
                values.pop()
            whole = len(values) == len(header)
            values += [""] * (len(header) - len(values))
            yield line, {name: values[place] for name, place in places}, whole

    def _places(self, header: list[str]) -> list[tuple[str, int]]:
        if not any(header):
            raise RosterError(f"{self.name} is empty; its first line must name the columns")
        lowered = [name.lower() for name in header]
        missing = [name for name in self._columns if name.lower() not in lowered]
        if missing:
            raise RosterError(
                f"{self.name} has no column {', '.join(missing)}; its first line must name them"
            )
        for name in self._columns:
            if lowered.count(name.lower()) > 1:
                raise RosterError(f"{self.name} has the column {name} twice")
        return [(name, lowered.index(name.lower())) for name in self._columns]

    def _refuse_utf16(self, raw: IO[bytes]) -> None:
        if raw.read(2) in _UTF16_MARKS:
            raise RosterError(f"{self.name} is UTF-16; OneRoster files are UTF-8")
        raw.seek(0)

    def _encoding_message(self, line: int, error: UnicodeDecodeError) -> str:
        byte = error.object[error.start]
        return f"{self.name} is not UTF-8: byte 0x{byte:02x} somewhere after line {line}"


class _Counted(io.RawIOBase):
    """A file that counts the bytes that were read, for the progress display."""

    def __init__(self, raw: IO[bytes], table: Table) -> None:
        self._raw = raw
        self._table = table

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        chunk = self._raw.read(len(buffer))
        if b"\0" in chunk:
            # No text contains a NUL; UTF-16 without a byte order mark is full of them.
            raise RosterError(f"{self._table.name} is not UTF-8 text: it has zero bytes")
        buffer[: len(chunk)] = chunk
        self._table.bytes_read += len(chunk)
        return len(chunk)
