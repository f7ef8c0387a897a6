"""The reading of iCalendar files, in a process of its own for each file."""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from quartapp_calendar import ical
from quartapp_calendar.errors import NotInstalledError, UnreadableCalendarError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from zoneinfo import ZoneInfo

    from quartapp_calendar.ical import Span

# A year of the busiest calendars of holidays has some hundred events.
MOST_EVENTS = 5000
_LIBRARIES = ("icalendar", "recurring_ical_events")


def can_read() -> bool:
    """Tell whether the libraries that read iCalendar files are installed."""
    return all(find_spec(library) is not None for library in _LIBRARIES)


class CalendarReader:
    """Reads iCalendar files, one at a time.

    Args:
        zone: Time zone of the institution; None for the machine's.
        today: Function that returns the local day.
    """

    def __init__(self, zone: ZoneInfo | None, today: Callable[[], date]) -> None:
        self._zone = zone
        self._today = today
        self._one = asyncio.Lock()

    async def read(self, text: str) -> list[Span]:
        """Return the days of all events in a file, within ten years of today.

        Args:
            text: The file.

        Raises:
            NotInstalledError: The libraries that read iCalendar files are not installed.
            UnreadableCalendarError: The file cannot be used.
        """
        if not can_read():
            raise NotInstalledError
        begin = text[:100].lstrip("\ufeff \t\r\n").upper()
        if not begin.startswith("BEGIN:VCALENDAR"):
            raise UnreadableCalendarError(ical.NO_CALENDAR, "it has no BEGIN:VCALENDAR")
        events = text.upper().count("BEGIN:VEVENT")
        if events > MOST_EVENTS:
            raise UnreadableCalendarError(
                ical.TOO_MANY_EVENTS, f"{events} events, and at most {MOST_EVENTS} are read"
            )
        asked = {
            "text": text.lstrip("\ufeff"),
            "zone": None if self._zone is None else self._zone.key,
            "today": self._today().isoformat(),
        }
        async with self._one:
            output = await _read_apart(json.dumps(asked).encode())
        if output is None:
            raise UnreadableCalendarError(
                ical.TOO_MANY_REPETITIONS, "its repetitions take too long to work out"
            )
        answer = json.loads(output)
        if "reason" in answer:
            raise UnreadableCalendarError(answer["reason"], answer["about"])
        return [ical.Span(*span) for span in answer["spans"]]


async def _read_apart(asked: bytes) -> bytes | None:
    """Return what the process answers; None when a limit has ended the process."""
    process = await asyncio.create_subprocess_exec(
        # Without -P, modules of this folder could be taken for others with their names.
        *(sys.executable, "-P", ical.__file__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await process.communicate(asked)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output if process.returncode == 0 else None
