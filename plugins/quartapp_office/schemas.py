from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    model_validator,
)

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed
from quartapp_attendance import CODE_PATTERN
from quartapp_classes import DAY_PATTERN, LocalDay

if TYPE_CHECKING:
    from quartapp_attendance import StatusRegistry
    from quartapp_records import CorrectionAnswers

MOST_STUDENTS = 100
MOST_SEEN = 500
LONGEST_REASON = 500

Day = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Number = Annotated[int, Field(ge=0)]


def _whole(value: object) -> object:
    # JSON has one kind of number: 1.0 is an integer to every schema.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Version = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_whole)]


class AbsencesQuery(Body):
    """The choice of absences to list."""

    date: LocalDay = left_out()
    status: Code = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class StandingQuery(Body):
    """The choice of entries to list."""

    date: LocalDay = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class SeenBody(Body):
    """The version of a record that the office has seen; 0 for no record."""

    session_id: ObjectIdInput = Field(alias="sessionId")
    student_id: ObjectIdInput = Field(alias="studentId")
    v: Version


class EnterBody(Body):
    """A status for students in all their sessions of a day, or of a part of one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "date": "2026-03-02",
                    "studentIds": ["695f733c1c9d440000a1b2c2"],
                    "status": "absent",
                    "reason": "Called in sick",
                }
            ]
        }
    )

    date: LocalDay
    student_ids: list[ObjectIdInput] = Field(
        alias="studentIds", min_length=1, max_length=MOST_STUDENTS
    )
    status: str
    reason: Annotated[str, trimmed(1, LONGEST_REASON)]
    first: TimeOfDay = left_out(alias="from")
    last: TimeOfDay = left_out(alias="to")
    seen: list[SeenBody] = left_out(max_length=MOST_SEEN)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.first is not None and self.last is not None and self.last <= self.first:
            raise ValueError("to is not after from")
        named = [one.lower() for one in self.student_ids]
        if len(set(named)) < len(named):
            raise ValueError("studentIds names a student twice")
        return self


class ExcuseKnown(Closed):
    """An excuse that a plugin knows of."""

    id: str = Field(alias="_id")
    state: str


class AbsenceAnswer(Closed):
    """A session in which a student was not simply present."""

    session_id: ObjectIdString = Field(alias="sessionId")
    class_id: ObjectIdString = Field(alias="classId")
    class_name: str | None = Field(alias="className")
    started_at: Timestamp | None = Field(alias="startedAt")
    status: Code
    v: Number
    via: str | None
    office: bool
    minutes_late: Number | None = Field(alias="minutesLate")
    note: str | None
    reason: str | None


class AbsentAnswer(Closed):
    """A student with the absences of a day; the name is null for a deleted account."""

    student_id: ObjectIdString = Field(alias="studentId")
    display_name: str | None = Field(alias="displayName")
    absences: list[AbsenceAnswer]
    excuse: ExcuseKnown | None


class EntryStudent(Closed):
    """A student of an entry; the name is null for a deleted account."""

    id: ObjectIdString = Field(alias="_id")
    display_name: str | None = Field(alias="displayName")


class EntryAnswer(Closed):
    """An entry of the office, which stands for the roll calls of its day."""

    id: ObjectIdString = Field(alias="_id")
    date: Day
    first: TimeOfDay | None = Field(alias="from")
    last: TimeOfDay | None = Field(alias="to")
    students: list[EntryStudent]
    status: Code
    reason: str
    by: ObjectIdString
    at: Timestamp
    applying: bool = Field(description="Whether records still have to change.")


class OfficeSchemas:
    """The models that depend on the statuses of one app.

    Args:
        statuses: Statuses of the app.
        corrections: Answers to corrections.
    """

    def __init__(self, statuses: StatusRegistry, corrections: CorrectionAnswers) -> None:
        sent: Any = Literal[statuses.codes]
        self.body: type[BaseModel] = create_model(
            "EnterBody", __base__=EnterBody, __doc__=EnterBody.__doc__, status=(sent, ...)
        )
        result: Any = create_model(
            "EnteredResult",
            __base__=corrections.model,
            __doc__="What was done for a student in a session.",
            session_id=(ObjectIdString | None, Field(alias="sessionId")),
            class_id=(ObjectIdString | None, Field(alias="classId")),
        )
        self.answer: type[BaseModel] = create_model(
            "EnteredAnswer",
            __base__=Closed,
            __doc__="An entry, and what was done for each student and session.",
            entry=(EntryAnswer, ...),
            results=(list[result], ...),
        )
