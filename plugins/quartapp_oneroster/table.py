"""Reads one CSV file row by row: UTF-8, with or without a byte order mark, any line ends."""

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
    """The rows of one file, each with the line that it begins in.

    Args:
        name: The file's name, for messages.
        opener: Opens it for reading bytes.
        columns: The columns that it must have. Others are passed over; order does not matter.
    """

    def __init__(
        self, name: str, opener: Callable[[], IO[bytes]], columns: tuple[str, ...]
    ) -> None:
        self.name = name
        self._opener = opener
        self._columns = columns
        self.bytes_read = 0

    def __iter__(self) -> Iterator[tuple[int, Row, bool]]:
        """Line number, trimmed values, and whether there are as many of them as columns.

        Raises:
            RosterError: Not UTF-8, no header, a column missing, quotes that do not match.
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
        header = [name.strip() for name in next(reader, [])]
        places = self._places(header)
        # A quoted value may have line ends: a row begins behind the line where the last one ended.
        ended = reader.line_num
        for values in reader:
            line, ended = ended + 1, reader.line_num
            if not values:
                continue
            whole = len(values) == len(header)
            values += [""] * (len(header) - len(values))
            yield line, {name: values[place].strip() for name, place in places}, whole

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
    """Counts what has been read, for whoever shows progress."""

    def __init__(self, raw: IO[bytes], table: Table) -> None:
        self._raw = raw
        self._table = table

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        chunk = self._raw.read(len(buffer))
        if b"\0" in chunk:
            # No text has it; UTF-16 without its mark is full of it.
            raise RosterError(f"{self._table.name} is not UTF-8 text: it has zero bytes")
        buffer[: len(chunk)] = chunk
        self._table.bytes_read += len(chunk)
        return len(chunk)
