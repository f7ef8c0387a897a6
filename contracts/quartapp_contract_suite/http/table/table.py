"""The whole table: the answers of every operation to every kind of caller, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_contract_suite.http.table.accounts import account_rows
from quartapp_contract_suite.http.table.attendance import attendance_rows
from quartapp_contract_suite.http.table.attended import attended_rows
from quartapp_contract_suite.http.table.audit import audit_rows
from quartapp_contract_suite.http.table.calendar import calendar_rows
from quartapp_contract_suite.http.table.classes import class_rows
from quartapp_contract_suite.http.table.exports import export_rows
from quartapp_contract_suite.http.table.invitations import invitation_rows
from quartapp_contract_suite.http.table.office import office_rows
from quartapp_contract_suite.http.table.passwords import password_rows
from quartapp_contract_suite.http.table.people import people_rows
from quartapp_contract_suite.http.table.records import record_rows
from quartapp_contract_suite.http.table.rolls import roll_rows
from quartapp_contract_suite.http.table.setup import setup_rows
from quartapp_contract_suite.http.table.teachers import teacher_rows

if TYPE_CHECKING:
    from quartapp_contract_suite.http.table.rows import Row


def rows() -> list[Row]:
    """Return all rows."""
    return [
        *account_rows(),
        *password_rows(),
        *setup_rows(),
        *invitation_rows(),
        *people_rows(),
        *audit_rows(),
        *class_rows(),
        *roll_rows(),
        *teacher_rows(),
        *attendance_rows(),
        *record_rows(),
        *attended_rows(),
        *export_rows(),
        *calendar_rows(),
        *office_rows(),
    ]
