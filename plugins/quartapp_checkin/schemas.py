from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quartapp.http.fields import ObjectIdInput, ObjectIdString, left_out
from quartapp.http.models import Body, Closed
from quartapp_attendance.schemas import SessionEvent

DIGITS = 6

Code = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{DIGITS}}}$")]


class CheckinSettings(BaseModel):
    """Settings of the checkin plugin.

    ``step_seconds``: how long a code is shown. ``tolerance_steps``: for how many steps longer it
    is accepted. ``attempts``: how many codes a student may send within ``attempts_seconds``.
    ``subnets``: the networks that students may check in from; empty is any.
    """

    model_config = ConfigDict(extra="forbid")

    step_seconds: int = Field(15, ge=5, le=300)
    tolerance_steps: int = Field(1, ge=0, le=10)
    attempts: int = Field(5, ge=1, le=100)
    attempts_seconds: int = Field(60, ge=1, le=3600)
    subnets: tuple[IPv4Network | IPv6Network, ...] = ()


class CodeQuery(Body):
    """Which session, where a teacher has several."""

    class_id: ObjectIdInput = left_out(alias="classId")


class CodeAnswer(Closed):
    """The code to show now."""

    class_id: ObjectIdString = Field(alias="classId")
    code: Code
    expires_in_seconds: float = Field(alias="expiresInSeconds", ge=0)


class CheckInEvent(SessionEvent):
    """The code that a student read off the wall."""

    code: Code
