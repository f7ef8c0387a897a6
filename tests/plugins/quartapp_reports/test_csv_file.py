"""CSV files: what a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from quartapp_reports.csv_file import csv_chunks
from quartapp_reports.tables import Table


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_text_is_a_formula_and_numbers_stay_numbers(start):
    rows = iter([[f"{start}1", "1-1", -1, Decimal("1.8"), 33.3, None]] * 60)
    table = Table("report", "Maths", "2026-01-01", "2026-01-02", ["=head"], [], rows)
    chunks = [chunk async for chunk in csv_chunks(table)]
    assert len(chunks) == 4
    found = list(csv.reader(io.StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))
    assert found == [["'=head"], *[[f"'{start}1", "1-1", "-1", "1.8", "33.3", ""]] * 60]
