"""Settings of the attendance plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class AttendanceSettings(BaseModel):
    """Settings of the attendance plugin.

    ``scope``: ``global`` for one live session in the whole system, ``class`` for one in each class.
    """

    scope: Literal["global", "class"] = "global"
