from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from quartapp import Body, Closed, ObjectIdInput, ObjectIdString, left_out
from quartapp_attendance import SessionEvent

DIGITS = 6

Code = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{DIGITS}}}$")]


class CodeQuery(Body):
    """The choice of a session, for teachers with several."""

    class_id: ObjectIdInput = left_out(alias="classId")


class CodeAnswer(Closed):
    """The current code."""

    class_id: ObjectIdString = Field(alias="classId")
    code: Code
    expires_in_seconds: float = Field(alias="expiresInSeconds", ge=0)


class CheckInEvent(SessionEvent):
    """The code that a student read or scanned."""

    code: Code
