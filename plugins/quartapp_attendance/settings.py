"""Settings of the attendance plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class AttendanceSettings(BaseModel):
    """Settings of the attendance plugin.

    ``scope``: ``global``, one live session in the whole system, or ``class``, one per class.
    """

    scope: Literal["global", "class"] = "global"
