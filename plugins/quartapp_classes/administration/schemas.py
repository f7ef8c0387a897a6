from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out
from quartapp_classes.schemas import ClassBody, TeacherAnswer


class ClassesQuery(Body):
    """The choice of classes to list."""

    search: Annotated[str, StringConstraints(min_length=1, max_length=100)] = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class NewClassBody(ClassBody):
    """A new class, and the teacher who is to own it."""

    teacher_id: ObjectIdInput = Field(alias="teacherId")


class ListedClass(Closed):
    """A class as administrators see it."""

    id: ObjectIdString = Field(alias="_id")
    class_name: str = Field(alias="className")
    teachers: list[TeacherAnswer]
    students: int
    sourced_id: str | None = Field(alias="sourcedId")
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")
