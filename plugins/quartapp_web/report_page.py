"""The report of a class: percentages, absences and warnings, and what it was over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import SIGNED_IN, PageOperation, Refusal, core
from quartapp_records import Access, Registers, named_students
from quartapp_reports import Reports
from quartapp_web.class_lists import ClassesQuery, class_list
from quartapp_web.day_ranges import RangeQuery, asked_range
from quartapp_web.register_page import OF_CLASS, READ, READING
from quartapp_web.rendering import Pages, page_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _
from quartapp_web.trend import DayCounts, percent

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal
    from quartapp_records import Register
    from quartapp_reports import StudentReport

blueprint = Blueprint("web_report", __name__, url_prefix="/app/report")

WARNINGS = {
    "low-percentage": _("Low attendance"),
    "absences-in-a-row": _("Absent several times in a row"),
}


@blueprint.get("/")
@PageOperation(
    id="showReports",
    action="listClasses",
    access=SIGNED_IN,
    query=ClassesQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_reports(principal: Principal, query: ClassesQuery) -> Response:
    """Show the classes whose reports a person reads."""
    return await class_list(principal, "reports.html", query)


@blueprint.get("/<class_id>")
@PageOperation(
    id="showReport",
    action="getReport",
    access=READING,
    query=RangeQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors=OF_CLASS,
)
async def show_report(principal: Principal, class_id: str, query: RangeQuery) -> Response:
    """Show the report of a class over a term, or over the days that were asked for."""
    services, pages = core().services, core().services.get(Pages)
    class_room = await services.get(Access).class_for(class_id, principal, READ)
    days = await asked_range(query)
    register = await services.get(Registers).read(
        class_room.id, days.first.isoformat(), days.last.isoformat()
    )
    reports = services.get(Reports)
    found, nothing = reports.of_register(register), reports.of_marks([])
    codes = {code for report in found.values() for code in report.statuses}
    gone = pages.translated(_("Account is gone"))
    rows = []
    for student in await named_students(class_room, found):
        report = found.get(student.id, nothing)
        rows.append(
            {
                "id": str(student.id),
                "name": student.display_name or gone,
                **figures_of(report),
            }
        )
    return await page_for(
        principal,
        "report.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        rows=rows,
        statuses=[one for one in shown_statuses(codes) if one.code in codes],
        **_counts(register).pictures(),
        **days.values(),
    )


def figures_of(report: StudentReport) -> dict[str, Any]:
    """Return what the tables show of a student's report.

    Args:
        report: The report.
    """
    pages = core().services.get(Pages)
    return {
        "percentage": percent(report.percentage),
        "taken": report.taken,
        "statuses": report.statuses,
        "longest": report.longest_absence,
        "current": report.current_absence,
        "warnings": [pages.translated(WARNINGS.get(one, one)) for one in report.warnings],
    }


def _counts(register: Register) -> DayCounts:
    dates = [session.date for session in register.sessions]
    rows = register.rows.values()
    return DayCounts.of(cell for row in rows for cell in zip(dates, row, strict=True))
