from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed

ClassName = Annotated[str, trimmed(3, 100)]


class ClassBody(Body):
    """The name of a new or renamed class."""

    class_name: ClassName = Field(alias="className")


class StudentBody(Body):
    """The student to put on the roll."""

    student_id: ObjectIdInput = Field(alias="studentId")


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


class StudentAnswer(Closed):
    """A student to choose for a roll."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str | None
    role: Literal["student"]
