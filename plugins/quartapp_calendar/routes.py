"""The routes of terms and holidays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, core, permission
from quartapp_calendar import ical
from quartapp_calendar.errors import (
    HolidayNotFoundError,
    ImportNotFoundError,
    NotInstalledError,
    TermInUseError,
    TermNotFoundError,
    TermOverlapsError,
    TooManyError,
    UnreadableCalendarError,
)
from quartapp_calendar.holidays import Holidays
from quartapp_calendar.reading import CalendarReader
from quartapp_calendar.schemas import (
    HolidayAnswer,
    HolidaysQuery,
    ImportAnswer,
    ImportBody,
    ImportsQuery,
    PageQuery,
    SpanBody,
    TermAnswer,
)
from quartapp_calendar.terms import Terms

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_calendar.holidays import Holiday, Import
    from quartapp_calendar.terms import Term

calendar_routes = Blueprint("calendar", __name__, url_prefix="/api/v1/calendar")

MANAGING = "calendar:manage"
ACCESS = permission(MANAGING, role="admin")
TAGS = ("calendar",)
INVALID = Refusal(400, "Invalid request schema")
TERM_NOT_FOUND = Refusal(404, "Term not found")
OVERLAPS = Refusal(409, "term overlaps another term")
WHY = "It takes days away from other cases."


@calendar_routes.get("/terms")
@Operation(
    id="listTerms",
    access=SIGNED_IN,
    tags=TAGS,
    query=PageQuery,
    invalid=INVALID,
    data=list[TermAnswer],
)
async def list_terms(principal: Principal, query: PageQuery) -> list[dict[str, Any]]:
    """Return terms."""
    return [_term(term) for term in await _terms().page(query.limit, query.after)]


@calendar_routes.post("/terms")
@Operation(
    id="createTerm",
    access=ACCESS,
    tags=TAGS,
    body=SpanBody,
    invalid=INVALID,
    status=201,
    data=TermAnswer,
    errors={TermOverlapsError: OVERLAPS, TooManyError: Refusal(409, "there are too many terms")},
    fuzz=False,
    why=WHY,
)
async def create_term(principal: Principal, body: SpanBody) -> dict[str, Any]:
    """Make a term."""
    return _term(await _terms().create(body.name, body.first, body.last))


@calendar_routes.put("/terms/<term_id>")
@Operation(
    id="changeTerm",
    access=ACCESS,
    tags=TAGS,
    body=SpanBody,
    invalid=INVALID,
    data=TermAnswer,
    errors={TermNotFoundError: TERM_NOT_FOUND, TermOverlapsError: OVERLAPS},
    fuzz=False,
    why=WHY,
)
async def change_term(principal: Principal, term_id: str, body: SpanBody) -> dict[str, Any]:
    """Give a term another name and other days."""
    return _term(await _terms().change(term_id, body.name, body.first, body.last))


@calendar_routes.delete("/terms/<term_id>")
@Operation(
    id="deleteTerm",
    access=ACCESS,
    tags=TAGS,
    data=TermAnswer,
    errors={
        TermNotFoundError: TERM_NOT_FOUND,
        TermInUseError: Refusal(409, "classes meet in the term"),
    },
)
async def delete_term(principal: Principal, term_id: str) -> dict[str, Any]:
    """Delete a term in which no class meets."""
    return _term(await _terms().delete(term_id))


@calendar_routes.get("/holidays")
@Operation(
    id="listHolidays",
    access=SIGNED_IN,
    tags=TAGS,
    query=HolidaysQuery,
    invalid=INVALID,
    data=list[HolidayAnswer],
)
async def list_holidays(principal: Principal, query: HolidaysQuery) -> list[dict[str, Any]]:
    """Return holidays, also those of some days alone."""
    found = await _holidays().page(query.first, query.last, query.limit, query.after)
    return [_holiday(holiday) for holiday in found]


@calendar_routes.post("/holidays")
@Operation(
    id="createHoliday",
    access=ACCESS,
    tags=TAGS,
    body=SpanBody,
    invalid=INVALID,
    status=201,
    data=HolidayAnswer,
    errors={TooManyError: Refusal(409, "there are too many holidays")},
    fuzz=False,
    why=WHY,
)
async def create_holiday(principal: Principal, body: SpanBody) -> dict[str, Any]:
    """Enter a holiday."""
    return _holiday(await _holidays().create(body.name, body.first, body.last))


@calendar_routes.delete("/holidays/<holiday_id>")
@Operation(
    id="deleteHoliday",
    access=ACCESS,
    tags=TAGS,
    data=HolidayAnswer,
    errors={HolidayNotFoundError: Refusal(404, "Holiday not found")},
)
async def delete_holiday(principal: Principal, holiday_id: str) -> dict[str, Any]:
    """Delete a holiday, also one that was imported."""
    return _holiday(await _holidays().delete(holiday_id))


@calendar_routes.get("/imports")
@Operation(
    id="listImports",
    access=ACCESS,
    tags=TAGS,
    query=ImportsQuery,
    invalid=INVALID,
    data=list[ImportAnswer],
    cursor="source",
)
async def list_imports(principal: Principal, query: ImportsQuery) -> list[dict[str, Any]]:
    """Return the last import from each source."""
    return [_import(one) for one in await _holidays().imports(query.limit, query.after)]


@calendar_routes.post("/imports")
@Operation(
    id="importHolidays",
    access=ACCESS,
    tags=TAGS,
    body=ImportBody,
    invalid=INVALID,
    data=ImportAnswer,
    errors={
        UnreadableCalendarError: tuple(
            Refusal(400, reason, field="calendar") for reason in ical.REASONS
        ),
        NotInstalledError: Refusal(501, "iCalendar files cannot be read here"),
    },
)
async def import_holidays(principal: Principal, body: ImportBody) -> dict[str, Any]:
    """Put the holidays of an iCalendar file in the place of all that came from its source."""
    spans = await core().services.get(CalendarReader).read(body.calendar)
    return _import(await _holidays().replace(body.source, spans))


@calendar_routes.delete("/imports/<source>")
@Operation(
    id="deleteImport",
    access=ACCESS,
    tags=TAGS,
    data=ImportAnswer,
    errors={ImportNotFoundError: Refusal(404, "Import not found")},
)
async def delete_import(principal: Principal, source: str) -> dict[str, Any]:
    """Delete all holidays that came from a source."""
    return _import(await _holidays().forget(source))


def _terms() -> Terms:
    return core().services.get(Terms)


def _holidays() -> Holidays:
    return core().services.get(Holidays)


def _term(term: Term) -> dict[str, Any]:
    return {"_id": term.id, "name": term.name, "from": term.first, "to": term.last}


def _holiday(holiday: Holiday) -> dict[str, Any]:
    return {
        "_id": holiday.id,
        "name": holiday.name,
        "from": holiday.first,
        "to": holiday.last,
        "source": holiday.source,
    }


def _import(one: Import) -> dict[str, Any]:
    return {"source": one.source, "holidays": one.holidays, "importedAt": one.at}
