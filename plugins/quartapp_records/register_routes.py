from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from quartapp import core
from quartapp_auth import People
from quartapp_classes import Rolls, sort_name
from quartapp_records.access import READ, Access
from quartapp_records.days import Days, limited_range
from quartapp_records.register import Registers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bson import ObjectId

    from quartapp import Principal
    from quartapp_auth import Contact
    from quartapp_records.register import Register
    from quartapp_records.schemas import DaysQuery

# A year without its first day, which the year before had.
USUAL_RANGE = timedelta(days=364)


async def get_register(principal: Principal, class_id: str, query: DaysQuery) -> dict[str, Any]:
    """Return the records of a class over a range of days, one row for each student."""
    services = core().services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    last = query.last or max(services.get(Days).today(), query.first or date.min)
    first = query.first or max(last, date.min + USUAL_RANGE) - USUAL_RANGE
    begin, end = limited_range(first, last)
    register = await services.get(Registers).read(class_room.id, begin, end)
    roll = await services.get(Rolls).members(class_room)
    people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts({*register.rows, *roll})
    return {
        "classId": class_room.id,
        "className": class_room.class_name,
        "from": begin,
        "to": end,
        "sessions": [
            {"_id": one.id, "date": one.date, "outcome": one.outcome} for one in register.sessions
        ],
        "students": _students(register, roll, names),
    }


def _students(
    register: Register, roll: list[ObjectId], names: Mapping[ObjectId, Contact]
) -> list[dict[str, Any]]:
    nowhere = [None] * len(register.sessions)
    found = []
    for student in {*register.rows, *roll}:
        name = names[student].display_name if student in names else None
        found.append(
            {
                "studentId": student,
                "displayName": name,
                "sortName": None if name is None else sort_name(name),
                "statuses": register.rows.get(student, nowhere),
            }
        )
    return sorted(found, key=lambda one: ((one["sortName"] or "").casefold(), one["studentId"]))
