"""Settings of the attendance plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class AttendanceSettings(BaseModel):
    """``[plugins.attendance]``, and ``QUARTAPP_ATTENDANCE_*`` in the environment."""

    scope: Literal["global", "class"] = Field(
        "global",
        description="`global`: one live session in the whole system; `class`: one in each class.",
        json_schema_extra={"recommended": "class"},
    )
    session_hours: float = Field(
        12.0,
        gt=0,
        le=24 * 366,
        description="Hours after which a session that nobody ends ends by itself.",
    )
