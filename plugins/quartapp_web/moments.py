"""Moments in the time zone of the institution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core

if TYPE_CHECKING:
    from datetime import datetime


def clock_time(moment: datetime) -> str:
    """Return the local time of day, such as ``08:05``.

    Args:
        moment: The moment, with a time zone.
    """
    return moment.astimezone(core().settings.timezone).strftime("%H:%M")
