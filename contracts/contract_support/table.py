"""The table: what each operation answers to whom, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract_support.rows_accounts import account_rows
from contract_support.rows_attendance import attendance_rows
from contract_support.rows_classes import class_rows
from contract_support.rows_rolls import roll_rows

if TYPE_CHECKING:
    from contract_support.rows import Row


def rows() -> list[Row]:
    """All rows."""
    return [*account_rows(), *class_rows(), *roll_rows(), *attendance_rows()]
