"""The page on which a teacher calls the roll."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import PageOperation, Refusal, core, permission, timestamp
from quartapp_attendance import AttendanceService, NoActiveSessionError
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError
from quartapp_web.moments import clock_time
from quartapp_web.rendering import Pages, page_for, valid_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Document, Principal
    from quartapp_classes import ClassRoom

blueprint = Blueprint("web_roll", __name__, url_prefix="/app")


# What the script says. Words in braces are filled in by it.
TEXTS = {
    "counts": _("{present} present, {absent} absent, {unmarked} not marked"),
    "away": _("No connection. Your marks are kept here, and are sent as soon as it is back."),
    "signedOut": _("You are signed out. Sign in again, and your marks are sent."),
    "superseded": _(
        "This roll call has ended, because another one was started. What was marked is stored."
    ),
    "expired": _(
        "This roll call has ended by itself, because it had been open for long. "
        "What was marked is stored."
    ),
    "over": _(
        "This roll call has ended, or the class was given to somebody else. "
        "What was marked is stored."
    ),
    "crowded": _("Too many pages of yours are open. Close some, then load this page again."),
    "refused": _("{name}: this mark was not taken: {reason}"),
    "gone": _("{name} is no longer on the roll."),
    "conflict": _("{name} is {current} now, marked elsewhere. You chose {wanted}."),
    "keep": _("Keep {status}"),
    "change": _("Change to {status}"),
    "none": _("not marked"),
    "lost": _("These marks came too late to be stored: {names}."),
    "waiting": _("Waiting until {count} more marks are stored …"),
}


@blueprint.get("/roll/<class_id>")
@PageOperation(
    id="showRoll",
    action="getRoll",
    access=permission("class:read", role="teacher"),
    errors={
        ClassNotFoundError: Refusal(404, "Class not found"),
        NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
    },
)
async def show_roll(principal: Principal, class_id: str) -> Response:
    """Show the roll of a class with its live session, or say that there is none."""
    classes = core().services.get(ClassService)
    class_room = await classes.allowed(class_id, principal, "class:read")
    session = await _session(principal, class_room)
    if session is None:
        return await page_for(
            principal,
            "roll_over.html",
            HTTPStatus.OK,
            class_id=str(class_room.id),
            class_name=class_room.class_name,
        )
    _teacher, students = await classes.people(class_room)
    marks = {student: mark["status"] for student, mark in session["attendance"].items()}
    return await page_for(
        principal,
        "roll.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        person_id=principal.id,
        since=clock_time(session["startedAt"]),
        started_at=timestamp(session["startedAt"]),
        seq=session["seq"],
        valid_for=valid_for(principal),
        students=[
            {"id": str(one.id), "name": one.display_name, "status": marks.get(str(one.id), "")}
            for one in students
        ],
        statuses=shown_statuses(marks.values()),
        texts=core().services.get(Pages).all_translated(TEXTS),
    )


async def _session(principal: Principal, class_room: ClassRoom) -> Document | None:
    service = core().services.get(AttendanceService)
    try:
        found = await service.document_for(principal, str(class_room.id), calling=True)
    except NoActiveSessionError:
        return None
    return found if found["classId"] == class_room.id else None
