"""The register of a class: who was there on which day, as a grid."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import SIGNED_IN, PageOperation, Refusal, core, permission
from quartapp_classes import ClassNotFoundError, NotOwnerError
from quartapp_records import Access, Registers, SessionRecords, named_students
from quartapp_web.class_lists import ClassesQuery, class_list
from quartapp_web.day_ranges import RangeQuery, asked_range
from quartapp_web.moments import short_day
from quartapp_web.rendering import Pages, page_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from bson import ObjectId
    from quart import Response

    from quartapp import Principal
    from quartapp_records import Register

blueprint = Blueprint("web_register", __name__, url_prefix="/app/register")

READ = "records:read"
READING = permission(READ, role="teacher")
OF_CLASS = {
    ClassNotFoundError: Refusal(404, "Class not found"),
    NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
}


@blueprint.get("/")
@PageOperation(
    id="showRegisters",
    action="listClasses",
    access=SIGNED_IN,
    query=ClassesQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_registers(principal: Principal, query: ClassesQuery) -> Response:
    """Show the classes whose registers a person reads."""
    return await class_list(principal, "registers.html", query)


@blueprint.get("/<class_id>")
@PageOperation(
    id="showRegister",
    action="getRegister",
    access=READING,
    query=RangeQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors=OF_CLASS,
)
async def show_register(principal: Principal, class_id: str, query: RangeQuery) -> Response:
    """Show the register of a class over a term, or over the days that were asked for."""
    services = core().services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    days = await asked_range(query)
    register = await services.get(Registers).read(
        class_room.id, days.first.isoformat(), days.last.isoformat()
    )
    cut_off = await services.get(SessionRecords).unfinished(
        [class_room.id], days.first.isoformat(), days.last.isoformat()
    )
    students = await named_students(class_room, register.rows)
    codes = {code for row in register.rows.values() for code in row if code}
    pages = services.get(Pages)
    return await page_for(
        principal,
        "register.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        sessions=_sessions(register, {one["_id"] for one in cut_off}),
        today=core().local_day().isoformat(),
        students=[
            {
                "id": str(one.id),
                "name": one.display_name or pages.translated(_("Account is gone")),
                "statuses": register.rows.get(one.id, [None] * len(register.sessions)),
            }
            for one in students
        ],
        statuses={one.code: one for one in shown_statuses(codes)},
        **days.values(),
    )


def _sessions(register: Register, cut_off: set[ObjectId]) -> list[dict[str, object]]:
    return [
        {
            "id": str(one.id),
            "date": one.date,
            "day": short_day(date.fromisoformat(one.date)),
            "cancelled": one.outcome == "cancelled",
            "unfinished": one.id in cut_off,
        }
        for one in register.sessions
    ]
