"""Settings of the attendance plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class AttendanceSettings(BaseModel):
    """Settings of the attendance plugin.

    ``scope``: ``global`` for one live session in the whole system, ``class`` for one in each class.
    ``session_hours``: time after which a session that nobody ends ends by itself, in hours.
    """

    scope: Literal["global", "class"] = "global"
    session_hours: float = Field(12.0, gt=0, le=24 * 366)
