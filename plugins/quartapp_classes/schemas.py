from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed

ClassName = Annotated[str, trimmed(3, 100)]


DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
"""Form of a local date, in ISO 8601."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> date:
    # pydantic also takes times at midnight, and numbers of seconds.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day looks like 2026-12-31")
    return date.fromisoformat(value)


LocalDay = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"pattern": DAY_PATTERN})]
"""A local date in requests, in ISO 8601."""


class ClassBody(Body):
    """The name of a new or renamed class."""

    class_name: ClassName = Field(alias="className")


class StudentBody(Body):
    """The student to put on the roll."""

    student_id: ObjectIdInput = Field(alias="studentId")


class TeacherBody(Body):
    """What a teacher of a class is to be: a co-teacher, a substitute, or the primary teacher."""

    until: LocalDay = left_out()
    primary: bool = left_out()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.primary and self.until is not None:
            raise ValueError("the primary teacher has no last day")
        return self


class StudentsQuery(Body):
    """The choice of students to list."""

    search: Annotated[str, StringConstraints(min_length=1, max_length=100)] = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class DeletionQuery(Body):
    """The fate of the attendance records of a deleted class."""

    records: Literal["delete"] = left_out()


class ClassAnswer(Closed):
    """A class."""

    id: ObjectIdString = Field(alias="_id")
    class_name: str = Field(alias="className")
    teacher_id: ObjectIdString = Field(alias="teacherId")
    students_ids: list[ObjectIdString] = Field(alias="studentsIds")
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")


class Person(Closed):
    """A teacher or student, with their name."""

    name: str
    email: str | None


class ClassDetails(Closed):
    """A class with its people."""

    id: ObjectIdString = Field(alias="_id")
    class_name: str = Field(alias="className")
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")
    teacher_id: Person = Field(alias="teacherId")
    students_ids: list[Person] = Field(alias="studentsIds")


class TeacherAnswer(Closed):
    """A teacher of a class."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    display_name: str = Field(alias="displayName")
    email: str | None
    primary: bool
    until: Annotated[str, StringConstraints(pattern=DAY_PATTERN)] | None


class RollEntry(Closed):
    """A student on a roll."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    display_name: str = Field(alias="displayName")
    email: str = left_out()
    sort_name: str = Field(alias="sortName")


class StudentAnswer(Closed):
    """A student to choose for a roll."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str | None
    role: Literal["student"]
