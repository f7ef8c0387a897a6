from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import core
from quartapp_records.access import READ, Access
from quartapp_records.days import Days, limited_range
from quartapp_records.register import Registers
from quartapp_records.rows import asked_days, named_students

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_records.schemas import DaysQuery


async def get_register(principal: Principal, class_id: str, query: DaysQuery) -> dict[str, Any]:
    """Return the records of a class over a range of days, one row for each student."""
    services = core().services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    begin, end = limited_range(*asked_days(query.first, query.last, services.get(Days).today()))
    register = await services.get(Registers).read(class_room.id, begin, end)
    nowhere = [None] * len(register.sessions)
    return {
        "classId": class_room.id,
        "className": class_room.class_name,
        "from": begin,
        "to": end,
        "sessions": [
            {"_id": one.id, "date": one.date, "outcome": one.outcome} for one in register.sessions
        ],
        "students": [
            {
                "studentId": one.id,
                "displayName": one.display_name,
                "sortName": one.sort_name,
                "statuses": register.rows.get(one.id, nowhere),
            }
            for one in await named_students(class_room, register.rows)
        ],
    }
