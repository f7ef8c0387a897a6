from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from quartapp import Body, Closed, ObjectIdString, Timestamp, left_out
from quartapp_classes import LocalDay
from quartapp_records import asked_days

if TYPE_CHECKING:
    from datetime import date

MOST_DAYS = 731

DayText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class ReportQuery(Body):
    """The days that are reported: a year, unless both ends are given."""

    first: LocalDay = left_out(alias="from")
    last: LocalDay = left_out(alias="to")

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day.

        Args:
            today: The local day.
        """
        return asked_days(self.first, self.last, today)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None:
            if self.last < self.first:
                raise ValueError("to is before from")
            if (self.last - self.first).days >= MOST_DAYS:
                raise ValueError("there are more than two years from from to to")
        return self


class StudentQuery(Body):
    """The days that a student's attendance is told for: all, unless an end is given."""

    first: LocalDay = left_out(alias="from")
    last: LocalDay = left_out(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("to is before from")
        return self


class TotalAnswer(Closed):
    """What is counted of some marks."""

    taken: int
    statuses: dict[str, int]
    points: Annotated[str, StringConstraints(pattern=r"^[0-9]+(?:\.[0-9]+)?$")]
    percentage: float | None
    longest_absence: int = Field(alias="longestAbsence")
    current_absence: int = Field(alias="currentAbsence")


class RaisedWarning(Closed):
    """A warning that was raised, and holds."""

    warning: str
    raised_at: Timestamp = Field(alias="raisedAt")


class StudentReportAnswer(TotalAnswer):
    """What a report says of one student."""

    student_id: ObjectIdString = Field(alias="studentId")
    display_name: str | None = Field(alias="displayName")
    sort_name: str | None = Field(alias="sortName")
    warnings: list[str]
    raised: list[RaisedWarning]


class OfClassAnswer(TotalAnswer):
    """What a student has attended of one class."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    warnings: list[str]


class AttendanceAnswer(Closed):
    """What a student has attended, in each class and in all."""

    student_id: ObjectIdString = Field(alias="studentId")
    display_name: str | None = Field(alias="displayName")
    sort_name: str | None = Field(alias="sortName")
    first: DayText | None = Field(alias="from")
    last: DayText | None = Field(alias="to")
    rule: str
    total: TotalAnswer
    classes: list[OfClassAnswer]


class ReportAnswer(Closed):
    """The report of a class."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    first: DayText = Field(alias="from")
    last: DayText = Field(alias="to")
    rule: str
    sessions: int
    students: list[StudentReportAnswer]


class NamedWarning(RaisedWarning):
    """A warning with its student; the name is null for a deleted account."""

    student_id: ObjectIdString = Field(alias="studentId")
    display_name: str | None = Field(alias="displayName")
    sort_name: str | None = Field(alias="sortName")


class WarningsAnswer(Closed):
    """The warnings that hold of the students of a class."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    warnings: list[NamedWarning]
