from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from quartapp.operations import Body, Closed
from quartapp.realtime.events import EventData
from quartapp.schemas import ObjectIdInput, ObjectIdString, Timestamp, left_out

Status = Literal["present", "absent"]


class AttendanceSettings(BaseModel):
    """Settings of the attendance plugin.

    ``scope``: ``global``, one live session in the whole system, or ``class``, one per class.
    """

    scope: Literal["global", "class"] = "global"


class StartBody(Body):
    """The class whose roll is called: by name, or by id, which wins."""

    class_name: str = left_out(alias="className")
    class_id: ObjectIdInput = left_out(alias="classId")

    @model_validator(mode="after")
    def _one_is_given(self) -> StartBody:
        if self.class_id is None and self.class_name is None:
            raise ValueError("className or classId is needed")
        return self


class MyAttendanceAnswer(Closed):
    """A student's latest record for a class."""

    class_id: ObjectIdString = Field(alias="classId")
    status: Status | None


class SessionAnswer(Closed):
    """A live session, for a client that comes back."""

    class_id: ObjectIdString = Field(alias="classId")
    class_name: str = Field(alias="className")
    started_at: Timestamp = Field(alias="startedAt")
    seq: int = Field(ge=1)
    attendance: dict[ObjectIdString, Status]


class SessionEvent(EventData):
    """Data of any event on a session; ``classId`` says which where there are several."""

    class_id: ObjectIdInput = left_out(alias="classId")


class MarkEvent(SessionEvent):
    """A teacher's mark."""

    student_id: ObjectIdInput = Field(alias="studentId")
    status: Status


class MarkMessage(Closed):
    """A mark that was stored."""

    student_id: ObjectIdString = Field(alias="studentId")
    status: Status


class SummaryMessage(Closed):
    """Marks so far."""

    present: int = Field(ge=0)
    absent: int = Field(ge=0)
    total: int = Field(ge=0)


class MyAttendanceMessage(Closed):
    """A student's own mark."""

    status: Literal["present", "absent", "not yet updated"]


class DoneMessage(Closed):
    """The session is over, its records are kept."""

    message: Literal["Attendance persisted"]
    present: int = Field(ge=0)
    absent: int = Field(ge=0)
    total: int = Field(ge=0)
