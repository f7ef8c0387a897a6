from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, trimmed
from quartapp_auth import BaseRole, NewAccount, RegisteredRole


class SignUp(NewAccount):
    """A new account. The dialect knows no invitations."""

    role: RegisteredRole

    # `authorize` gets a body like the base's.
    invitation: ClassVar[None] = None


class NewClass(Body):
    """The name of a new class. Shorter names are allowed than in the base API."""

    class_name: Annotated[str, trimmed(1, 100)] = Field(alias="className")


class SessionStart(Body):
    """The class whose session is started."""

    class_id: ObjectIdInput = Field(alias="classId")

    # `authorize` gets a body like the base's, in which the class may be given by name instead.
    class_name: ClassVar[None] = None


class User(Closed):
    """An account."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str | None
    # An administrator has an account too, and plugins may bring further roles.
    role: Annotated[str, Field(json_schema_extra={"x-extensible-enum": [*BaseRole]})]


class Student(Closed):
    """A student as teachers see them."""

    id: ObjectIdString = Field(alias="_id")
    name: str
    email: str | None


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
    """The start of the live session."""

    class_id: ObjectIdString = Field(alias="classId")
    started_at: Timestamp = Field(alias="startedAt")
