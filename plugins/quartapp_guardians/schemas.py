from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, Timestamp, left_out, trimmed
from quartapp_auth import EMAIL
from quartapp_classes import DAY_PATTERN, LocalDay
from quartapp_guardians.texts import Language

Day = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]
# Letters and signs that need no quotes (RFC 5322, section 3.2.3), with single dots between.
_ATOM = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
ADDRESS = rf"^{_ATOM}(?:\.{_ATOM})*@{EMAIL.partition('@')[2]}$"
Address = Annotated[
    str, StringConstraints(pattern=ADDRESS, max_length=254), AfterValidator(str.lower)
]


class GuardianBody(Body):
    """What is known of a guardian."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Mary Hopper", "email": "mary@example.org", "language": "en"}]
        }
    )

    name: Annotated[str, trimmed(1, 100)]
    email: Address
    language: Language = left_out()


class NoticesQuery(Body):
    """The choice of notices to list."""

    date: LocalDay = left_out()
    student_id: ObjectIdInput = left_out(alias="studentId")
    limit: int = left_out(ge=1, le=500)
    after: ObjectIdInput = left_out()


class GuardianAnswer(Closed):
    """A guardian of a student."""

    id: ObjectIdString = Field(alias="_id")
    student_id: ObjectIdString = Field(alias="studentId")
    name: str
    email: str
    language: str
    v: int
    created_at: Timestamp = Field(alias="createdAt")
    updated_at: Timestamp = Field(alias="updatedAt")


class NoticeAnswer(Closed):
    """A notice of absence to one guardian.

    ``sessions`` has the sessions that the mail has named. ``to`` is null until the mail is sent,
    and when the guardian is removed.
    """

    id: ObjectIdString = Field(alias="_id")
    student_id: ObjectIdString = Field(alias="studentId")
    student_name: str | None = Field(alias="studentName")
    guardian_id: ObjectIdString = Field(alias="guardianId")
    date: Day
    sessions: list[ObjectIdString]
    state: Literal["ordered", "sent", "dropped", "failed"]
    to: str | None
    why: str | None
    ordered_at: Timestamp = Field(alias="orderedAt")
    ended_at: Timestamp | None = Field(alias="endedAt")
