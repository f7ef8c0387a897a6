"""The pages of students: what is live now, and what became of each class."""

from __future__ import annotations

from asyncio import gather
from dataclasses import asdict
from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import PageOperation, core, permission
from quartapp_attendance import AttendanceService, NoActiveSessionError
from quartapp_classes import ClassService
from quartapp_web.moments import clock_time
from quartapp_web.rendering import Pages, page_for, valid_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal

blueprint = Blueprint("web_student", __name__, url_prefix="/app")

READING = permission("attendance:read", role="student")
# What the script says. Words in braces are filled in by it.
TEXTS = {
    "marked": _("You are marked: {status}"),
    "unmarked": _("You are not marked yet"),
    "recorded": _("Recorded: {status}"),
    "ended": _("The roll call has ended"),
    "away": _("No connection. What you see may be out of date."),
    "signedOut": _("You are signed out. Sign in again to see your mark."),
    "crowded": _("Too many pages of yours are open. Close some, then load this page again."),
}
# The plugin whose event the script sends, which this plugin does not require.
CHECK_IN = "checkin"
# What the script says of a code that was not taken, by the server's word.
REFUSALS = {
    "Invalid message format": _("Type the six digits of the code."),
    "Check-in code is wrong or has expired": _("This code is wrong or over. Read it once more."),
    "Too many attempts, wait a moment": _("These were too many codes. Wait a minute."),
    "Check-in is not possible from this network": _("You cannot check in from this network."),
    "You are marked already": _("You are marked already."),
}
NOT_CHECKED_IN = _("You are not checked in. Tell your teacher.")


@blueprint.get("/now")
@PageOperation(id="showNow", access=READING)
async def show_now(principal: Principal) -> Response:
    """Show a student's mark in each live roll call of their classes."""
    rooms = {str(room.id): room for room in await core().services.get(ClassService).of(principal)}
    service = core().services.get(AttendanceService)
    live = []
    for one in await service.live_in([room.id for room in rooms.values()]):
        try:
            document = await service.document_for(principal, one.class_id, calling=False)
        except NoActiveSessionError:
            continue
        if str(document["classId"]) != one.class_id:
            continue
        mark = document["attendance"].get(principal.id)
        live.append(
            {
                "class_id": one.class_id,
                "class_name": rooms[one.class_id].class_name,
                "since": clock_time(document["startedAt"]),
                "seq": document["seq"],
                "status": mark["status"] if mark else "",
            }
        )
    statuses = {one.code: one for one in shown_statuses(row["status"] for row in live)}
    pages = core().services.get(Pages)
    return await page_for(
        principal,
        "now.html",
        live=live,
        person_id=principal.id,
        valid_for=valid_for(principal),
        classes=sorted(rooms),
        statuses=statuses,
        labels={code: asdict(one) for code, one in statuses.items()},
        texts=pages.all_translated(TEXTS),
        checks_in=any(plugin.name == CHECK_IN for plugin in core().plugins.loaded),
        refusals={**pages.all_translated(REFUSALS), "": pages.translated(NOT_CHECKED_IN)},
    )


@blueprint.get("/my-attendance")
@PageOperation(id="showMyAttendance", access=READING)
async def show_my_attendance(principal: Principal) -> Response:
    """Show the latest record of a student in each class."""
    rooms = await core().services.get(ClassService).of(principal)
    records = core().services.get(AttendanceService).records
    rooms = sorted(rooms, key=lambda room: room.class_name.casefold())
    # At once, so that one query reads all of them.
    latest = await gather(*(records.latest_status(room.id, principal) for room in rooms))
    rows = [
        {"name": room.class_name, "status": status or ""}
        for room, status in zip(rooms, latest, strict=True)
    ]
    statuses = {one.code: one for one in shown_statuses(row["status"] for row in rows)}
    return await page_for(principal, "my_attendance.html", rows=rows, statuses=statuses)
