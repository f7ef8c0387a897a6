"""Registers and reports as tables, whatever file they are written to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from quartapp_attendance import SessionState
from quartapp_records import NOBODY_MARKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quartapp_attendance import StatusRegistry
    from quartapp_records import NamedStudent, Register, RegisterSession
    from quartapp_reports.service import StudentReport

Cell: TypeAlias = str | int | float | Decimal | None
"""A text, a number, or None for an empty place."""

# What stands in a register for a student who was on the roll, and whom nobody marked.
UNMARKED = "?"
ALWAYS = ("present", "absent")
STUDENT, STUDENT_ID = "Student", "Student ID"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are made while they are written.

    Attributes:
        kind: What the table is: ``register`` or ``report``.
        class_name: Name of the class.
        first: First day, as ``2026-12-31``.
        last: Last day.
        head: Heads of the columns, of which the first two are the student's name and id.
        legend: Code, short name and name of each status that the table has.
        rows: Cells of each student.
    """

    kind: str
    class_name: str
    first: str
    last: str
    head: Sequence[str]
    legend: Sequence[tuple[str, str, str]]
    rows: Iterator[Sequence[Cell]]

    @property
    def title(self) -> str:
        """Class, kind and days."""
        return f"{self.class_name} {self.kind} {self.first} {self.last}"


def register_table(
    register: Register,
    students: Sequence[NamedStudent],
    statuses: StatusRegistry,
    names: tuple[str, str, str],
) -> Table:
    """Return a register as a table: a row for each student, and a column for each session.

    Args:
        register: The register.
        students: The students, in the order of the rows.
        statuses: Statuses of the app.
        names: Name of the class, first day and last day.
    """
    nowhere = [None] * len(register.sessions)
    rows = (
        [
            student.display_name,
            str(student.id),
            *map(_place, register.rows.get(student.id, nowhere)),
        ]
        for student in students
    )
    head = [STUDENT, STUDENT_ID, *map(_session, register.sessions)]
    used = {status for row in register.rows.values() for status in row if status}
    return Table("register", *names, head, _legend(statuses, used), rows)


def report_table(
    reports: Sequence[tuple[NamedStudent, StudentReport]],
    statuses: StatusRegistry,
    names: tuple[str, str, str],
) -> Table:
    """Return a report as a table: a row for each student, a column for each status that is used.

    Args:
        reports: The students with their reports, in the order of the rows.
        statuses: Statuses of the app.
        names: Name of the class, first day and last day.
    """
    used = {code for _, report in reports for code in report.statuses}
    legend = _legend(statuses, used)
    codes = [code for code, _, _ in legend]
    rows = (
        [
            student.display_name,
            str(student.id),
            report.taken,
            *(report.statuses.get(code, 0) for code in codes),
            report.points,
            report.percentage,
            report.longest_absence,
            report.current_absence,
            ", ".join(report.warnings),
        ]
        for student, report in reports
    )
    head = [
        *(STUDENT, STUDENT_ID, "Sessions taken", *codes, "Points", "Percentage"),
        *("Longest absence", "Current absence", "Warnings"),
    ]
    return Table("report", *names, head, legend, rows)


def _place(status: str | None) -> str | None:
    return UNMARKED if status == NOBODY_MARKED else status


def _session(session: RegisterSession) -> str:
    is_off = session.outcome == SessionState.CANCELLED
    return f"{session.date} cancelled" if is_off else session.date


def _legend(statuses: StatusRegistry, used: set[str]) -> list[tuple[str, str, str]]:
    """Return the statuses that are used, with those that every table shows before them."""
    keys = [status.key for status in statuses.all]
    known = [
        # The key that people press for the status, if it is that of no other.
        (one.code, one.key if one.key and keys.count(one.key) == 1 else one.code, one.label)
        for one in statuses.all
        if one.code in used or one.code in ALWAYS
    ]
    # Codes that were taken out of the settings.
    gone = used - {status.code for status in statuses.all}
    return [*known, *((code, code, code) for code in sorted(gone))]
