"""The administrator's pages about terms and holidays."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from quart import Blueprint, request

from quartapp import PageOperation, Refusal, core, permission, see_other
from quartapp_calendar import (
    CalendarReader,
    HolidayNotFoundError,
    Holidays,
    ImportNotFoundError,
    NotInstalledError,
    SpanBody,
    TermInUseError,
    TermNotFoundError,
    TermOverlapsError,
    Terms,
    TooManyError,
    UnreadableCalendarError,
)
from quartapp_web.forms import DoneQuery, form_for
from quartapp_web.moments import full_moment
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Response

    from quartapp import DomainError, FieldError, Principal

blueprint = Blueprint("web_calendar", __name__, url_prefix="/app/office/calendar")

ACCESS = permission("calendar:manage", role="admin")
LARGEST_FORM = 8192
LARGEST_FILE = 256 * 1024
SHOWN = 500
WHY = "It takes days away from other cases."
TERM_GONE: Mapping[type[DomainError], Refusal] = {TermNotFoundError: Refusal(404, "Term not found")}
HOLIDAY_GONE: Mapping[type[DomainError], Refusal] = {
    HolidayNotFoundError: Refusal(404, "Holiday not found")
}
IMPORT_GONE: Mapping[type[DomainError], Refusal] = {
    ImportNotFoundError: Refusal(404, "Import not found")
}
UNFIT = {
    "name": _("Type a name, with 100 characters at most."),
    "from": _("Choose the first day, in the years 1000 to 2999."),
    "to": _("Choose the last day, in the years 1000 to 2999."),
    "source": _("Type a short name of small letters, digits and hyphens, such as holidays."),
    "": _("The last day is before the first one. Choose the days again."),
}
OVERLAPS = _("The term has a day in common with another one. Choose other days.")
IN_USE = _("Classes meet in this term. Delete their meetings first.")
TOO_MANY = _("There are too many already. Delete some first.")
NO_FILE = _("Choose the file.")
NOT_INSTALLED = _("This server cannot read such files. It lacks the extra icalendar.")
UNREADABLE = {
    "calendar is no iCalendar file": _("This is no iCalendar file. Such files end in .ics."),
    "calendar has an event that cannot be read": _("An event of the file cannot be read."),
    "calendar has an unknown time zone": _("The file has an unknown time zone."),
    "calendar has too many events": _("The file has too many events."),
    "calendar repeats events too often": _("The file repeats events too often."),
}
CHANGES = {
    "term": _("The terms are changed."),
    "holiday": _("The holidays are changed."),
    "import": _("The holidays of the file are in the place of those that came from there before."),
}


class ImportForm(BaseModel):
    """The source of a file, which comes beside."""

    source: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")


@blueprint.get("")
@PageOperation(
    id="showCalendar",
    action="listTerms",
    access=ACCESS,
    query=DoneQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_calendar(principal: Principal, query: DoneQuery) -> Response:
    """Show all terms, and the holidays that are not over."""
    return await _calendar(principal, told=CHANGES.get(query.done, ""))


@blueprint.get("/terms/new")
@PageOperation(id="showNewTerm", action="listTerms", access=ACCESS)
async def show_new_term(principal: Principal) -> Response:
    """Show the form that makes a term."""
    return await _span(principal, "term", "/terms/new")


@blueprint.post("/terms/new")
@PageOperation(
    id="createTermOnPage",
    action="createTerm",
    access=ACCESS,
    redirects=True,
    form=SpanBody,
    max_body=LARGEST_FORM,
    fuzz=False,
    why=WHY,
)
async def create_term(
    principal: Principal, form: SpanBody | None, errors: list[FieldError]
) -> Response:
    """Make a term."""
    if form is None:
        return await _span(principal, "term", "/terms/new", _unfit(errors))
    try:
        await core().services.get(Terms).create(form.name, form.first, form.last)
    except TermOverlapsError:
        return await _span(principal, "term", "/terms/new", {"from": OVERLAPS})
    except TooManyError:
        return await _span(principal, "term", "/terms/new", {"": TOO_MANY})
    return _done("term")


@blueprint.get("/terms/<term_id>")
@PageOperation(id="showTerm", action="listTerms", access=ACCESS, errors=TERM_GONE)
async def show_term(principal: Principal, term_id: str) -> Response:
    """Show the form that changes a term."""
    term = await core().services.get(Terms).get(term_id)
    present = {"name": term.name, "from": term.first, "to": term.last}
    return await _span(principal, "term", f"/terms/{term.id}", present=present)


@blueprint.post("/terms/<term_id>")
@PageOperation(
    id="changeTermOnPage",
    action="changeTerm",
    access=ACCESS,
    redirects=True,
    form=SpanBody,
    max_body=LARGEST_FORM,
    errors=TERM_GONE,
    fuzz=False,
    why=WHY,
)
async def change_term(
    principal: Principal, term_id: str, form: SpanBody | None, errors: list[FieldError]
) -> Response:
    """Give a term another name and other days."""
    if form is None:
        return await _span(principal, "term", f"/terms/{term_id}", _unfit(errors))
    try:
        await core().services.get(Terms).change(term_id, form.name, form.first, form.last)
    except TermOverlapsError:
        return await _span(principal, "term", f"/terms/{term_id}", {"from": OVERLAPS})
    return _done("term")


@blueprint.post("/terms/<term_id>/delete")
@PageOperation(
    id="deleteTermOnPage", action="deleteTerm", access=ACCESS, redirects=True, errors=TERM_GONE
)
async def delete_term(principal: Principal, term_id: str) -> Response:
    """Delete a term in which no class meets."""
    try:
        await core().services.get(Terms).delete(term_id)
    except TermInUseError:
        return await _calendar(principal, problem=IN_USE)
    return _done("term")


@blueprint.get("/holidays/new")
@PageOperation(id="showNewHoliday", action="listHolidays", access=ACCESS)
async def show_new_holiday(principal: Principal) -> Response:
    """Show the form that enters a holiday."""
    return await _span(principal, "holiday", "/holidays/new")


@blueprint.post("/holidays/new")
@PageOperation(
    id="createHolidayOnPage",
    action="createHoliday",
    access=ACCESS,
    redirects=True,
    form=SpanBody,
    max_body=LARGEST_FORM,
    fuzz=False,
    why=WHY,
)
async def create_holiday(
    principal: Principal, form: SpanBody | None, errors: list[FieldError]
) -> Response:
    """Enter a holiday."""
    if form is None:
        return await _span(principal, "holiday", "/holidays/new", _unfit(errors))
    try:
        await core().services.get(Holidays).create(form.name, form.first, form.last)
    except TooManyError:
        return await _span(principal, "holiday", "/holidays/new", {"": TOO_MANY})
    return _done("holiday")


@blueprint.post("/holidays/<holiday_id>/delete")
@PageOperation(
    id="deleteHolidayOnPage",
    action="deleteHoliday",
    access=ACCESS,
    redirects=True,
    errors=HOLIDAY_GONE,
)
async def delete_holiday(principal: Principal, holiday_id: str) -> Response:
    """Delete a holiday, also one that was imported."""
    await core().services.get(Holidays).delete(holiday_id)
    return _done("holiday")


@blueprint.get("/import")
@PageOperation(id="showCalendarImport", action="listImports", access=ACCESS)
async def show_import(principal: Principal) -> Response:
    """Show the form that takes an iCalendar file."""
    return await _import(principal)


@blueprint.post("/import")
@PageOperation(
    id="importCalendarOnPage",
    action="importHolidays",
    access=ACCESS,
    redirects=True,
    form=ImportForm,
    max_body=LARGEST_FILE,
)
async def import_calendar(
    principal: Principal, form: ImportForm | None, errors: list[FieldError]
) -> Response:
    """Put the holidays of a file in the place of all that came from its source."""
    file = (await request.files).get("calendar")
    content = file.read() if file is not None else b""
    problems = {} if form is not None else _unfit(errors)
    if not content:
        problems["calendar"] = NO_FILE
    if form is None or problems:
        return await _import(principal, problems)
    services = core().services
    try:
        # A byte that is no UTF-8 is told with the event that has it, or does no harm in a name.
        spans = await services.get(CalendarReader).read(content.decode("utf-8", "replace"))
    except UnreadableCalendarError as error:
        problem = UNREADABLE.get(str(error), str(error))
        return await _import(principal, {"calendar": problem}, error.about)
    except NotInstalledError:
        return await _import(principal, {"": NOT_INSTALLED})
    await services.get(Holidays).replace(form.source, spans)
    return _done("import")


@blueprint.post("/imports/<source>/delete")
@PageOperation(
    id="deleteImportOnPage",
    action="deleteImport",
    access=ACCESS,
    redirects=True,
    errors=IMPORT_GONE,
)
async def delete_import(principal: Principal, source: str) -> Response:
    """Delete all holidays that came from a source."""
    await core().services.get(Holidays).forget(source)
    return _done("holiday")


def _unfit(errors: list[FieldError]) -> dict[str, str]:
    return {one.field: UNFIT.get(one.field, UNFIT[""]) for one in errors}


def _done(what: str) -> Response:
    return see_other(f"/app/office/calendar?done={what}")


async def _calendar(principal: Principal, told: str = "", problem: str = "") -> Response:
    services, pages = core().services, core().services.get(Pages)
    holidays = await services.get(Holidays).page(core().local_day(), None, SHOWN)
    imports = await services.get(Holidays).imports(SHOWN)
    return await page_for(
        principal,
        "calendar.html",
        HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        terms=sorted(await services.get(Terms).all(), key=lambda term: term.first, reverse=True),
        holidays=sorted(holidays, key=lambda one: (one.first, one.name)),
        imports=[(one.source, one.holidays, full_moment(one.at)) for one in imports],
        told=pages.translated(told),
        problems={"": pages.translated(problem)} if problem else {},
    )


async def _span(
    principal: Principal,
    what: str,
    path: str,
    problems: dict[str, str] | None = None,
    present: Mapping[str, str] | None = None,
) -> Response:
    shown = {"what": what, "action": f"/app/office/calendar{path}"}
    return await form_for(principal, "calendar_span.html", problems, present, **shown)


async def _import(
    principal: Principal, problems: dict[str, str] | None = None, about: str = ""
) -> Response:
    return await form_for(principal, "calendar_import.html", problems, about=about)
