"""One record of an ended roll call: its history and its correction."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import Field
from quart import Blueprint

from quartapp import Body, PageOperation, Refusal, core, object_id, permission, see_other
from quartapp_auth import People
from quartapp_classes import ClassNotFoundError, NotOwnerError
from quartapp_records import (
    Access,
    Answers,
    Correction,
    Corrections,
    Days,
    EditWindowOverError,
    LaterSessions,
    NothingToFinishError,
    NotOnSessionRollError,
    ReasonNeededError,
    RecordChangedError,
    RecordsLockedError,
    RollUnknownError,
    SessionLiveError,
    SessionNotFoundError,
    SessionRecords,
    SetByOfficeError,
    StatusNotAllowedError,
    version_of,
)
from quartapp_web.moments import clock_time, short_day
from quartapp_web.register_page import READ, READING
from quartapp_web.rendering import Pages, page_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from typing import Any

    from quart import Response

    from quartapp import Document, FieldError, Principal

blueprint = Blueprint("web_record", __name__, url_prefix="/app/session")

WRITE = "records:write"
LARGEST_FORM = 8192
NO_SESSION = Refusal(404, "Session not found")
OF_SESSION = {
    SessionNotFoundError: NO_SESSION,
    ClassNotFoundError: NO_SESSION,
    NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
    SessionLiveError: Refusal(409, "attendance session is active"),
    NotOnSessionRollError: Refusal(404, "Student not enrolled in class"),
}
# What a page says of each refusal; the field is where somebody can do something about it.
REFUSALS = {
    RecordsLockedError: ("", _("The records of this day are locked. Ask your school's office.")),
    EditWindowOverError: (
        "",
        _("This day is too long ago for teachers. Ask your school's office."),
    ),
    SetByOfficeError: ("", _("The office has set this record, so only the office changes it.")),
    StatusNotAllowedError: ("status", _("You may not set this status. Choose another one.")),
    ReasonNeededError: ("reason", _("The day is over: type why you change the record.")),
}
CHANGED = _("Somebody has changed this record meanwhile. See what it is now, and choose again.")


class CorrectionForm(Body):
    """What a person chooses; policies find the fields of the API's body in it."""

    status: str = Field(min_length=1, max_length=100)
    v: int = Field(ge=0, le=2**31 - 1)
    reason: str = Field("", max_length=500)


@blueprint.get("/<session_id>/<student_id>")
@PageOperation(id="showRecord", action="getRecordHistory", access=READING, errors=OF_SESSION)
async def show_record(principal: Principal, session_id: str, student_id: str) -> Response:
    """Show one record with its history, and the form that corrects it."""
    return await _record(principal, session_id, student_id)


@blueprint.post("/<session_id>/<student_id>")
@PageOperation(
    id="correctOnPage",
    action="correctRecord",
    access=permission(WRITE, role="teacher"),
    form=CorrectionForm,
    max_body=LARGEST_FORM,
    redirects=True,
    errors=OF_SESSION,
)
async def correct(
    principal: Principal,
    session_id: str,
    student_id: str,
    form: CorrectionForm | None,
    errors: list[FieldError],
) -> Response:
    """Correct one record in the version that the page has shown."""
    if form is None:
        problem = ("status", _("Choose a status."))
        return await _record(principal, session_id, student_id, problem)
    reason = form.reason.strip() or None
    correction = Correction(student_id=student_id, status=form.status, v=form.v, reason=reason)
    try:
        await core().services.get(Corrections).correct(session_id, correction, principal)
    except RecordChangedError:
        return await _record(
            principal, session_id, student_id, ("", CHANGED), HTTPStatus.CONFLICT, form
        )
    except tuple(REFUSALS) as error:
        told = REFUSALS[type(error)]
        status = HTTPStatus.UNPROCESSABLE_ENTITY if told[0] else HTTPStatus.FORBIDDEN
        return await _record(principal, session_id, student_id, told, status, form)
    return see_other(f"/app/session/{session_id}/{student_id}")


@blueprint.post("/<session_id>/finish")
@PageOperation(
    id="finishOnPage",
    action="finishSession",
    access=permission(WRITE, role="teacher"),
    redirects=True,
    errors={
        **OF_SESSION,
        RecordsLockedError: Refusal(403, "Forbidden, records are locked"),
        EditWindowOverError: Refusal(403, "Forbidden, too late for teachers"),
        NothingToFinishError: Refusal(409, "session has nothing to finish"),
        RollUnknownError: Refusal(409, "roll of the session is unknown"),
    },
)
async def finish(principal: Principal, session_id: str) -> Response:
    """Give records to the unmarked of a roll call that was cut off, and lead to the register."""
    session = await core().services.get(LaterSessions).finish(session_id, principal)
    day = core().services.get(Days).of(session)
    return see_other(f"/app/register/{session['classId']}?from={day}&to={day}")


async def _record(
    principal: Principal,
    session_id: str,
    student_id: str,
    problem: tuple[str, str] | None = None,
    status: int = HTTPStatus.OK,
    form: CorrectionForm | None = None,
) -> Response:
    services, pages = core().services, core().services.get(Pages)
    session = await services.get(SessionRecords).get(session_id)
    access = services.get(Access)
    class_room = await access.class_for(str(session["classId"]), principal, READ)
    student = object_id(student_id)
    if student is None:
        raise NotOnSessionRollError
    record = await services.get(SessionRecords).record(session["_id"], student, history=True)
    if record is None and student not in session.get("roll", ()):
        raise NotOnSessionRollError
    people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts([student])
    current = record["status"] if record else ""
    may_set = access.author(principal).statuses
    day = services.get(Days).of(session)
    history = await services.get(Answers).history(record, None, None) if record else []
    codes = {current, *(one[end] for one in history for end in ("from", "to") if one[end])}
    statuses = shown_statuses(codes)
    gone = pages.translated(_("Account is gone"))
    if problem is not None and status == HTTPStatus.OK:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return await page_for(
        principal,
        "record.html",
        status,
        session_id=str(session["_id"]),
        student_id=str(student),
        student_name=names[student].display_name if student in names else gone,
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        date=day,
        day=f"{short_day(date.fromisoformat(day))} {day[:4]}",
        current=current,
        v=version_of(record),
        chosen=form.status if form else current,
        reason=form.reason if form else "",
        needs_reason=day != core().local_day().isoformat(),
        statuses={one.code: one for one in statuses},
        offered=[one for one in statuses if one.code in may_set],
        history=[_entry(one) for one in history],
        problems={problem[0]: pages.translated(problem[1])} if problem else {},
    )


def _entry(entry: Document) -> dict[str, Any]:
    at = entry["at"]
    local = None if at is None else at.astimezone(core().settings.timezone)
    by = entry["by"]
    return {
        "when": f"{short_day(local.date())} {local.year}, {clock_time(at)}" if local else "",
        "by": by["displayName"] or "" if by else "",
        "before": entry["from"],
        "after": entry["to"],
        "reason": entry["reason"] or "",
    }
