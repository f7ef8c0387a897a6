"""The page on which the office begins: classes whose roll call is missing, and further pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from quart import Blueprint

from quartapp import ObjectIdInput, PageOperation, Refusal, core, object_id, permission
from quartapp_calendar import Planning
from quartapp_classes import ClassNotFoundError, ClassService, TeacherChanges
from quartapp_web.day_ranges import LocalDay
from quartapp_web.moments import short_day
from quartapp_web.own_sections import MANAGING_CLASSES
from quartapp_web.rendering import page_for

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal
    from quartapp_calendar import NotTaken

blueprint = Blueprint("web_office", __name__, url_prefix="/app/office")

ACCESS = permission(MANAGING_CLASSES, role="admin")
SHOWN = 100


class NotTakenQuery(BaseModel):
    """The day whose missing roll calls are looked for; an empty field is today."""

    day: LocalDay = None
    after: ObjectIdInput | None = Field(None)


@blueprint.get("/")
@PageOperation(
    id="showOffice",
    action="listNotTaken",
    access=ACCESS,
    query=NotTakenQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_office(principal: Principal, query: NotTakenQuery) -> Response:
    """Show the classes that meet on a day and have no roll call of that day."""
    today = core().local_day()
    day = query.day or today
    after = object_id(query.after) if query.after else None
    found = await core().services.get(Planning).not_taken(day, None, SHOWN + 1, after)
    rows = [await _row(one) for one in found[:SHOWN]]
    return await page_for(
        principal,
        "office.html",
        classes=sorted(rows, key=lambda row: (row["times"], row["name"])),
        day=day.isoformat(),
        is_today=day == today,
        shown_day=f"{short_day(day)} {day.year}",
        more=str(found[SHOWN - 1].class_id) if len(found) > SHOWN else "",
    )


async def _row(one: NotTaken) -> dict[str, str]:
    services = core().services
    try:
        class_room = await services.get(ClassService).get(str(one.class_id))
        teachers = await services.get(TeacherChanges).of(class_room)
    except ClassNotFoundError:
        teachers = []
    return {
        "id": str(one.class_id),
        "name": one.class_name,
        "times": ", ".join(f"{m.meeting.starts}-{m.meeting.ends}" for m in one.meetings),
        "rooms": ", ".join(m.meeting.room for m in one.meetings if m.meeting.room),
        "teachers": ", ".join(one.contact.display_name for one in teachers),
    }
