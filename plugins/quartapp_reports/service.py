"""Reports of attendance. This module knows no requests and no status codes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING

from quartapp_attendance import SessionState
from quartapp_reports.rules import Taken, percentage, runs_of_absences
from quartapp_reports.warning_rules import Attended

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from bson import ObjectId

    from quartapp_attendance import StatusRegistry
    from quartapp_records import Register, Registers, StudentRegisters
    from quartapp_reports.rules import PercentageRule
    from quartapp_reports.warning_rules import WarningRules


@dataclass(frozen=True, slots=True)
class StudentReport:
    """What a report says of one student.

    Attributes:
        taken: Number of sessions in which the student has a mark.
        statuses: Number of marks of each status that the student has, by code.
        points: Points of all marks.
        percentage: Percentage by the rule of the settings; None over nothing.
        longest_absence: Longest run of absences.
        current_absence: Run of absences up to the last session.
        warnings: Names of the warnings that hold, in the order of their rules.
        unknown: Names of the warnings whose rules have failed.
    """

    taken: int
    statuses: Mapping[str, int]
    points: Decimal
    percentage: float | None
    longest_absence: int
    current_absence: int
    warnings: tuple[str, ...]
    unknown: tuple[str, ...] = ()


class _MarksOfDay(dict[str, Taken]):
    """The marks of one session by their codes, made once each: a register has 100,000 places."""

    def __init__(self, day: str, mark: Callable[[str, str], Taken]) -> None:
        super().__init__()
        self._day = day
        self._mark = mark

    def __missing__(self, code: str) -> Taken:
        made = self[code] = self._mark(self._day, code)
        return made


class Reports:
    """Reports of classes.

    Args:
        registers: The registers of the classes.
        students: The records of single students.
        statuses: Statuses of the app, with their points.
        rule: Rule for percentages.
        warnings: Rules for warnings.
    """

    def __init__(
        self,
        registers: Registers,
        students: StudentRegisters,
        statuses: StatusRegistry,
        rule: PercentageRule,
        warnings: WarningRules,
    ) -> None:
        self._registers = registers
        self._students = students
        self._statuses = {status.code: status for status in statuses.all}
        self._rule = rule
        self._warnings = warnings

    async def of_class(
        self, class_id: ObjectId, first: date, last: date
    ) -> tuple[int, dict[ObjectId, StudentReport]]:
        """Return the number of sessions that were taken, and a report of each student.

        Args:
            class_id: ``_id`` of the class.
            first: First day.
            last: Last day.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        register = await self._registers.read(class_id, first.isoformat(), last.isoformat())
        taken = sum(session.outcome != SessionState.CANCELLED for session in register.sessions)
        return taken, self.of_register(register)

    async def of_student(
        self,
        student_id: ObjectId,
        class_ids: Collection[ObjectId],
        first: date | None = None,
        last: date | None = None,
    ) -> tuple[dict[ObjectId, StudentReport], StudentReport]:
        """Return a report of a student for each class, and one of all these classes.

        Absences in a row are counted in each class: in the report of all, both runs are the longest
        of any class, and there are no warnings. The rule for percentages gets the marks of all
        classes by day.

        Args:
            student_id: ``_id`` of the student.
            class_ids: ``_id`` of each class.
            first: First day; None for no limit.
            last: Last day; None for no limit.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return self.of_rows(await self._students.read(student_id, class_ids, first, last))

    def of_rows(
        self, rows: Mapping[ObjectId, Sequence[tuple[str, str]]]
    ) -> tuple[dict[ObjectId, StudentReport], StudentReport]:
        """Return a report of one student for each class, and one of all, as ``of_student`` does.

        Args:
            rows: Local dates and statuses in the order of each class's sessions, by the ``_id`` of
                the class, as ``StudentRegisters.read`` returns them.
        """
        days: dict[str, _MarksOfDay] = {}
        marks: list[Taken] = []
        reports = {}
        for class_id, row in rows.items():
            own = []
            for day, code in row:
                if code:
                    if day not in days:
                        days[day] = _MarksOfDay(day, self._mark)
                    own.append(days[day][code])
            reports[class_id] = self.of_marks(own)
            marks += own
        marks.sort(key=attrgetter("day"))
        whole = self.of_marks(marks)
        return reports, replace(
            whole,
            longest_absence=max((one.longest_absence for one in reports.values()), default=0),
            current_absence=max((one.current_absence for one in reports.values()), default=0),
            warnings=(),
            unknown=(),
        )

    def of_register(self, register: Register) -> dict[ObjectId, StudentReport]:
        """Return a report of each student in a register.

        Nobody was absent from a session that was cancelled, or where nobody marked them.

        Args:
            register: The register.
        """
        sessions = [
            None
            if session.outcome == SessionState.CANCELLED
            else _MarksOfDay(session.date, self._mark)
            for session in register.sessions
        ]
        return {
            student: self.of_marks(
                [
                    marks[code]
                    for marks, code in zip(sessions, row, strict=True)
                    if code and marks is not None
                ]
            )
            for student, row in register.rows.items()
        }

    def of_marks(self, marks: Sequence[Taken]) -> StudentReport:
        """Return the report of marks.

        Args:
            marks: The marks of one student, in the order of the sessions.
        """
        share = self._rule(marks)
        longest, current = runs_of_absences(marks)
        codes = Counter([mark.code for mark in marks])
        counted = sum(number for code, number in codes.items() if self._has(code))
        warnings, unknown = self._warnings.asked(Attended(marks, counted, share, longest, current))
        return StudentReport(
            taken=len(marks),
            statuses=dict(sorted(codes.items())),
            points=sum(
                (self._statuses[code].worth * n for code, n in codes.items() if self._has(code)),
                start=self._statuses["absent"].worth,
            ),
            percentage=percentage(share),
            longest_absence=longest,
            current_absence=current,
            warnings=warnings,
            unknown=unknown,
        )

    def _has(self, code: str) -> bool:
        return code in self._statuses and self._statuses[code].points is not None

    def _mark(self, day: str, code: str) -> Taken:
        status = self._statuses.get(code)
        # A status that was taken out of the settings says nothing about presence any more.
        if status is None or status.points is None:
            return Taken(day, code, present=False, points=None)
        return Taken(day, code, status.counts_as == "present", Fraction(status.worth))
