from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, trimmed
from quartapp_auth import RegisteredRole


class NewClass(Body):
    """A new class's name, which may be shorter here than in the base."""

    class_name: Annotated[str, trimmed(1, 100)] = Field(alias="className")


class SessionStart(Body):
    """The class whose roll is called."""

    class_id: ObjectIdInput = Field(alias="classId")

    # What `authorize` gets looks like the base's body, where the class may be named instead.
    class_name: ClassVar[None] = None


class User(Closed):
    """An account."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str
    role: RegisteredRole


class Student(Closed):
    """A student, as teachers see them."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str


class ClassWithIds(Closed):
    """A class."""

    id: ObjectIdString = Field(alias="_id")
    class_name: str = Field(alias="className")
    teacher_id: ObjectIdString = Field(alias="teacherId")
    student_ids: list[ObjectIdString] = Field(alias="studentIds")


class ClassWithStudents(Closed):
    """A class with its students."""

    id: ObjectIdString = Field(alias="_id")
    class_name: str = Field(alias="className")
    teacher_id: ObjectIdString = Field(alias="teacherId")
    students: list[Student]


class MyAttendance(Closed):
    """A student's latest record for a class."""

    class_id: ObjectIdString = Field(alias="classId")
    status: Literal["present", "absent"] | None


class StartedSession(Closed):
    """Since when a roll is called."""

    class_id: ObjectIdString = Field(alias="classId")
    started_at: Timestamp = Field(alias="startedAt")
