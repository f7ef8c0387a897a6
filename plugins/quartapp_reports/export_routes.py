"""Registers and reports as files."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quart import Blueprint, Response, request

from quartapp import DomainError, Operation, Refusal, core
from quartapp_attendance import StatusRegistry
from quartapp_records import Access, Registers, named_students
from quartapp_reports.csv_file import csv_chunks
from quartapp_reports.errors import XlsxNotInstalledError
from quartapp_reports.print_page import PrintPages
from quartapp_reports.routes import INVALID, OF_CLASS, READING
from quartapp_reports.schemas import ReportQuery
from quartapp_reports.service import Reports
from quartapp_reports.student_access import READ
from quartapp_reports.tables import register_table, report_table
from quartapp_reports.xlsx_file import XlsxFiles, file_chunks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp import Principal
    from quartapp_reports.tables import Table

    Maker = Callable[[Principal, str, ReportQuery], Awaitable[Table]]

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML = "text/html"
# What file systems and shells do not like in a name.
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f"*/:<>?\\|]+')

_SHARED: dict[str, Any] = {
    "access": READING,
    "tags": ("records",),
    "query": ReportQuery,
    "invalid": INVALID,
    "data": str,
}
# Refusals of one kind of file, beside those of all.
_FURTHER: dict[str, dict[type[DomainError], Refusal]] = {
    "xlsx": {XlsxNotInstalledError: Refusal(501, "XLSX files cannot be written here")}
}


def export_routes() -> Blueprint:
    """Return the routes of registers and reports as files."""
    routes = Blueprint("exports", __name__, url_prefix="/api/v1/class")
    for kind, table in (("register", _register), ("report", _report)):
        for ending, media_type, view in (
            ("csv", CSV, _csv_of(table)),
            ("xlsx", XLSX, _xlsx_of(table)),
            ("html", HTML, _page_of(table)),
        ):
            name = f"get{kind.title()}{ending.title()}"
            operation = Operation(
                id=name,
                media_type=media_type,
                errors={**OF_CLASS, **_FURTHER.get(ending, {})},
                **_SHARED,
            )
            view.__doc__ = f"Return the {kind} of a class as {ending.upper()}."
            routes.add_url_rule(
                f"/<class_id>/{kind}.{ending}", name, operation(view), methods=["GET"]
            )
    return routes


async def _register(principal: Principal, class_id: str, query: ReportQuery) -> Table:
    parts = core()
    services = parts.services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    first, last = (day.isoformat() for day in query.days(parts.local_day()))
    register = await services.get(Registers).read(class_room.id, first, last)
    students = await named_students(class_room, register.rows)
    names = (class_room.class_name, first, last)
    return register_table(register, students, services.get(StatusRegistry), names)


async def _report(principal: Principal, class_id: str, query: ReportQuery) -> Table:
    parts = core()
    services = parts.services
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    first, last = query.days(parts.local_day())
    reports = services.get(Reports)
    _, found = await reports.of_class(class_room.id, first, last)
    nothing = reports.of_marks([])
    rows = [
        (student, found.get(student.id, nothing))
        for student in await named_students(class_room, found)
    ]
    names = (class_room.class_name, first.isoformat(), last.isoformat())
    return report_table(rows, services.get(StatusRegistry), names)


def _csv_of(table: Maker) -> Callable[..., Awaitable[Response]]:
    async def view(principal: Principal, class_id: str, query: ReportQuery) -> Response:
        found = await table(principal, class_id, query)
        return _attached(Response(csv_chunks(found), mimetype=CSV), found, "csv")

    return view


def _xlsx_of(table: Maker) -> Callable[..., Awaitable[Response]]:
    async def view(principal: Principal, class_id: str, query: ReportQuery) -> Response:
        found = await table(principal, class_id, query)
        if request.method == "HEAD":
            # Nobody would read the file.
            return _attached(Response("", mimetype=XLSX), found, "xlsx")
        file = await core().services.get(XlsxFiles).written(found)
        return _attached(Response(file_chunks(file), mimetype=XLSX), found, "xlsx")

    return view


def _page_of(table: Maker) -> Callable[..., Awaitable[Response]]:
    async def view(principal: Principal, class_id: str, query: ReportQuery) -> Response:
        found = await table(principal, class_id, query)
        return Response(core().services.get(PrintPages).chunks(found), mimetype=HTML)

    return view


def _attached(response: Response, table: Table, ending: str) -> Response:
    response.headers["Content-Disposition"] = disposition(f"{table.title}.{ending}")
    return response


def disposition(name: str) -> str:
    """Return the header that makes browsers keep an answer as a file (RFC 6266).

    Args:
        name: Name of the file, in any writing.
    """
    fit = _UNFIT.sub("_", name).strip(" .")
    plain = unicodedata.normalize("NFKD", fit).encode("ascii", "ignore").decode()
    # Clients that do not know `filename*` take the plain name; % would be read in two ways.
    plain = plain.replace("%", "_").strip(" .")
    header = f'attachment; filename="{plain}"'
    if plain == fit:
        return header
    return f"{header}; filename*=UTF-8''{quote(fit, safe='')}"
