"""What a teacher has still to do: roll calls that were not taken, and those that were cut off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from quartapp import core
from quartapp_calendar import Planning
from quartapp_records import Access, Days, SessionRecords
from quartapp_web.moments import clock_time, named_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp import Principal
    from quartapp_classes import ClassRoom

WRITE = "records:write"
# Today and two weeks before it: what is older is a matter of the register.
LOOK_BACK = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Due:
    """A day of a class on which something is missing.

    Attributes:
        class_id: ``_id`` of the class.
        class_name: Name of the class.
        session_id: ``_id`` of the roll call that was cut off; None where none was taken.
        date: The day, as ``2026-12-31``.
        day: The day in the visitor's language.
        times: When the class has met, or when the roll call began, such as ``09:45``.
    """

    class_id: str
    class_name: str
    session_id: str | None
    date: str
    day: str
    times: str


@dataclass(frozen=True, slots=True)
class DueRolls:
    """What is missing, the latest first.

    Attributes:
        cut_off: Roll calls whose unmarked have no record.
        not_taken: Days on which a class has met without a roll call.
    """

    cut_off: list[Due]
    not_taken: list[Due]


async def due_rolls(principal: Principal, rooms: Sequence[ClassRoom]) -> DueRolls | None:
    """Return what a person can still do about the last two weeks of classes.

    Days whose records the person can no longer change are left out.

    Args:
        principal: The person.
        rooms: The classes.

    Returns:
        What is missing; None for a person without classes, or who changes no records.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    services = core().services
    if not rooms or WRITE not in core().roles.permissions_of(principal.role):
        return None
    days = services.get(Days)
    today = core().local_day()
    first_open = await days.first_open(office=services.get(Access).is_office(principal))
    first = max(today - LOOK_BACK, first_open)
    names = {room.id: room.class_name for room in rooms}
    cut_off = await services.get(SessionRecords).unfinished(
        names, first.isoformat(), today.isoformat()
    )
    not_taken = await services.get(Planning).missed(names, first, core().clock.now())
    return DueRolls(
        [
            Due(
                str(one["classId"]),
                names[one["classId"]],
                str(one["_id"]),
                day := days.of(one),
                named_day(date.fromisoformat(day)),
                clock_time(one["startedAt"]),
            )
            for one in cut_off
        ],
        [
            Due(
                str(one.class_id),
                one.class_name,
                None,
                one.meetings[0].day.isoformat(),
                named_day(one.meetings[0].day),
                ", ".join(planned.meeting.starts for planned in one.meetings),
            )
            for one in not_taken
        ],
    )
