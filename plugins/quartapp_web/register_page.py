"""The register of a class: who was there on which day, as a grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, Field
from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, core, permission
from quartapp_calendar import Terms
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError
from quartapp_records import Access, Registers, named_students
from quartapp_web.moments import short_day
from quartapp_web.own_sections import reads_records
from quartapp_web.rendering import Pages, page_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal
    from quartapp_calendar import Term
    from quartapp_records import Register

blueprint = Blueprint("web_register", __name__, url_prefix="/app/register")

READ = "records:read"
READING = permission(READ, role="teacher")
OF_CLASS = {
    ClassNotFoundError: Refusal(404, "Class not found"),
    NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
}
# Four weeks with both ends, where no term says more.
USUAL_DAYS = 28
LONGEST_DAYS = 731
UNFINISHED = ("superseded", "expired")


def _day(text: object) -> object:
    """Read what a browser sends for a date; an empty field says nothing."""
    return date.fromisoformat(text) if isinstance(text, str) and text else text or None


LocalDay = Annotated[date | None, BeforeValidator(_day)]


class RegisterQuery(BaseModel):
    """The days that a register shows."""

    first: LocalDay = Field(None, alias="from")
    last: LocalDay = Field(None, alias="to")


@dataclass(frozen=True, slots=True)
class Range:
    """The days that a page shows.

    Attributes:
        first: First day.
        last: Last day.
        problem: What was wrong with the days that were asked for, in English; empty for nothing.
    """

    first: date
    last: date
    problem: str = ""


@blueprint.get("/")
@Operation(
    id="showRegisters",
    action="listClasses",
    access=SIGNED_IN,
    tags=(),
    data=str,
    documented=False,
    page=True,
)
async def show_registers(principal: Principal) -> Response:
    """Show the classes whose registers a person reads."""
    rooms = []
    if reads_records(principal):
        rooms = await core().services.get(ClassService).of(principal)
    rows = [
        {"id": str(room.id), "name": room.class_name}
        for room in sorted(rooms, key=lambda room: room.class_name.casefold())
    ]
    return await page_for(principal, "registers.html", classes=rows)


@blueprint.get("/<class_id>")
@Operation(
    id="showRegister",
    action="getRegister",
    access=READING,
    tags=(),
    data=str,
    documented=False,
    page=True,
    query=RegisterQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors=OF_CLASS,
)
async def show_register(principal: Principal, class_id: str, query: RegisterQuery) -> Response:
    """Show the register of a class over a term, or over the days that were asked for."""
    services = core().services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    terms = await services.get(Terms).all()
    today = core().local_day()
    days = _range(query, terms, today)
    register = await services.get(Registers).read(
        class_room.id, days.first.isoformat(), days.last.isoformat()
    )
    students = await named_students(class_room, register.rows)
    codes = {code for row in register.rows.values() for code in row if code}
    pages = services.get(Pages)
    return await page_for(
        principal,
        "register.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        first=days.first.isoformat(),
        last=days.last.isoformat(),
        problem=pages.translated(days.problem) if days.problem else "",
        shown_days=f"{short_day(days.first)} - {short_day(days.last)} {days.last.year}",
        terms=[
            {"name": term.name, "first": term.first, "last": term.last}
            for term in sorted(terms, key=lambda term: term.first)
            if term.first <= today.isoformat()
        ],
        sessions=_sessions(register),
        students=[
            {
                "id": str(one.id),
                "name": one.display_name or pages.translated(_("Account is gone")),
                "statuses": register.rows.get(one.id, [None] * len(register.sessions)),
            }
            for one in students
        ],
        statuses={one.code: one for one in shown_statuses(codes)},
    )


def _range(query: RegisterQuery, terms: list[Term], today: date) -> Range:
    """Return the days to show: the present term, or four weeks, unless others are asked for."""
    now = next((one for one in terms if one.first <= today.isoformat() <= one.last), None)
    usual = date.fromisoformat(now.first) if now else today - timedelta(days=USUAL_DAYS - 1)
    if query.first is None and query.last is None:
        return Range(usual, today)
    last = query.last or max(today, query.first or today)
    first = query.first or max(date.min + timedelta(days=USUAL_DAYS), last) - timedelta(
        days=USUAL_DAYS - 1
    )
    if first > last:
        return Range(usual, today, _("The first day is after the last one. Choose the days again."))
    if (last - first).days > LONGEST_DAYS - 1:
        return Range(usual, today, _("A register shows two years at most. Choose fewer days."))
    return Range(first, last)


def _sessions(register: Register) -> list[dict[str, object]]:
    return [
        {
            "id": str(one.id),
            "date": one.date,
            "day": short_day(date.fromisoformat(one.date)),
            "cancelled": one.outcome == "cancelled",
            "unfinished": one.outcome in UNFINISHED,
        }
        for one in register.sessions
    ]
