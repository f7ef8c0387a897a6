from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from quartapp import (
    Body,
    Closed,
    ObjectIdInput,
    ObjectIdString,
    Timestamp,
    left_out,
    trimmed,
)
from quartapp_classes import DAY_PATTERN, LocalDay
from quartapp_excuses.applying import BY_OFFICE, LATE, LOCKED, OTHER

LONGEST_REASON = 2000
LONGEST_WORD = 500

Day = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]
FileType = Literal["application/pdf", "image/png", "image/jpeg"]
State = Literal["open", "accepted", "refused"]


class FileBody(Body):
    """A file: at most 5 MiB, a PDF, PNG or JPEG."""

    content: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The bytes in base64.", examples=["JVBERi0xLjQK"]
    )
    type: FileType = left_out(description="The type; when it is there, the content has to fit.")


class ExcuseBody(Body):
    """An excuse for some days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from": "2026-03-02", "to": "2026-03-04", "reason": "In bed with flu"}]
        }
    )

    student_id: ObjectIdInput = left_out(alias="studentId")
    first: LocalDay = Field(alias="from")
    last: LocalDay = Field(alias="to")
    reason: Annotated[str, trimmed(1, LONGEST_REASON)]
    file: FileBody = left_out()


class AcceptBody(Body):
    """What is said with an acceptance."""

    word: Annotated[str, trimmed(1, LONGEST_WORD)] = left_out()


class RefuseBody(Body):
    """What is said with a refusal."""

    word: Annotated[str, trimmed(1, LONGEST_WORD)] = Field(examples=["Please bring a note"])


class ExcusesQuery(Body):
    """The excuses to list."""

    state: State = left_out()
    student_id: ObjectIdInput = left_out(alias="studentId")
    date: LocalDay = left_out()
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class FileAnswer(Closed):
    """A file that belongs to an excuse."""

    type: FileType
    bytes: int


class UnchangedAnswer(Closed):
    """A session in which the student could not become excused."""

    session_id: ObjectIdString = Field(alias="sessionId")
    error: Literal[LOCKED, LATE, BY_OFFICE, OTHER]  # type: ignore[valid-type] # the constants are literals


class ExcuseAnswer(Closed):
    """An excuse."""

    id: ObjectIdString = Field(alias="_id")
    student_id: ObjectIdString = Field(alias="studentId")
    student_name: str | None = Field(alias="studentName")
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    reason: str
    state: State
    handed_in_at: Timestamp = Field(alias="handedInAt")
    handed_in_by: ObjectIdString = Field(alias="handedInBy")
    decided_at: Timestamp | None = Field(alias="decidedAt")
    decided_by: ObjectIdString | None = Field(alias="decidedBy")
    word: str | None
    file: FileAnswer | None
    applying: bool = Field(description="Whether records still become excused.")
    excused: int = Field(description="Sessions in which the excuse counts.")
    unchanged: list[UnchangedAnswer]
