"""One student over time: in each class, and in all that the reader may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import PageOperation, Refusal, core
from quartapp_auth import People
from quartapp_classes import NotOwnerError, StudentNotFoundError
from quartapp_records import StudentRegisters
from quartapp_reports import Reports, StudentAccess
from quartapp_web.day_ranges import RangeQuery, asked_range
from quartapp_web.register_page import OF_CLASS, READING
from quartapp_web.rendering import Pages, page_for
from quartapp_web.report_page import figures_of
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _
from quartapp_web.trend import DayCounts

if TYPE_CHECKING:
    from bson import ObjectId
    from quart import Response

    from quartapp import Principal

blueprint = Blueprint("web_student_over_time", __name__, url_prefix="/app/student")


@blueprint.get("/<student_id>")
@PageOperation(
    id="showStudent",
    action="getStudentAttendance",
    access=READING,
    query=RangeQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors={
        StudentNotFoundError: Refusal(404, "Student not found"),
        NotOwnerError: OF_CLASS[NotOwnerError],
    },
)
async def show_student(principal: Principal, student_id: str, query: RangeQuery) -> Response:
    """Show what a student has attended over a term, or over the days that were asked for."""
    services, pages = core().services, core().services.get(Pages)
    key, names = await services.get(StudentAccess).classes_of_other(student_id, principal)
    days = await asked_range(query)
    rows = await services.get(StudentRegisters).read(key, names, days.first, days.last)
    reports, total = services.get(Reports).of_rows(rows)
    codes = set(total.statuses)
    ids = sorted(names, key=lambda one: (names[one].casefold(), one))
    return await page_for(
        principal,
        "student.html",
        student_id=str(key),
        name=await _name_of(key) or pages.translated(_("Account is gone")),
        classes=[{"id": str(one), "name": names[one], **figures_of(reports[one])} for one in ids],
        total=figures_of(total),
        statuses=[one for one in shown_statuses(codes) if one.code in codes],
        **DayCounts.of(cell for row in rows.values() for cell in row).pictures(),
        **days.values(),
    )


async def _name_of(student_id: ObjectId) -> str | None:
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    contact = (await people.contacts([student_id])).get(student_id)
    return None if contact is None else contact.display_name
