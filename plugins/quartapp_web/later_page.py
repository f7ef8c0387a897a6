"""The page on which a roll call is entered after the event, or its cancellation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from bson import ObjectId
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from quart import Blueprint

from quartapp import Attempt, PageOperation, Refusal, core, object_id, permission, see_other
from quartapp_attendance import AttendanceService
from quartapp_classes import ClassService
from quartapp_records import (
    Access,
    Answers,
    EarlyDateError,
    EditWindowOverError,
    FutureDateError,
    LaterSessions,
    Noted,
    NotOnSessionRollError,
    RecordsLockedError,
    SessionRecords,
    StatusNotAllowedError,
)
from quartapp_web.day_ranges import LocalDay
from quartapp_web.due_rolls import WRITE
from quartapp_web.moments import clock_time, named_day
from quartapp_web.register_page import OF_CLASS
from quartapp_web.rendering import Pages, page_for
from quartapp_web.statuses import shown_statuses
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart import Response

    from quartapp import Document, Principal
    from quartapp_attendance import SessionInfo
    from quartapp_classes import ClassRoom

blueprint = Blueprint("web_later", __name__, url_prefix="/app/later")

WRITING = permission(WRITE, role="teacher")
# The choices of 500 students, and a reason.
LARGEST_FORM = 65_536
INVALID = Refusal(400, "Invalid request schema")
PREFIX = "s-"
NOBODY = "none"
ID_BYTES = 12
REFUSALS = {
    FutureDateError: ("date", _("This day is yet to come. Choose another one.")),
    EarlyDateError: ("date", _("This day is before 1970. Choose another one.")),
    RecordsLockedError: ("", _("The records of this day are locked. Ask your school's office.")),
    EditWindowOverError: (
        "",
        _("This day is too long ago for teachers. Ask your school's office."),
    ),
    StatusNotAllowedError: ("", _("You may not set one of these statuses. Choose another one.")),
    NotOnSessionRollError: (
        "",
        _("Somebody has left the class meanwhile. See who is on the roll now, and choose again."),
    ),
}
EMPTY = ("rest", _("Mark somebody, or choose what everybody else is."))
NO_REASON = ("reason", _("Type why there was no lesson."))
MEANWHILE = _(
    "Somebody has entered a roll call of this day meanwhile. "
    "It is stored, and what you have chosen is not."
)

Day = Annotated[date, BeforeValidator(lambda text: date.fromisoformat(str(text)))]


class DayQuery(BaseModel):
    """The day of the roll call."""

    day: LocalDay = Field(None, alias="date")


class LaterForm(BaseModel):
    """What both forms of the page have; policies find the fields of the API's body in it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    date: Day
    seen: str = Field("", max_length=10_000)
    """``_id`` of each roll call of the day that the page has shown, with blanks between."""


class RollForm(LaterForm):
    """The status of each student, in a field of its own; and that of everybody else."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    rest: str = Field("", max_length=100)

    def chosen(self) -> dict[str, str]:
        """Return the statuses that were chosen, by the ids of students."""
        return {
            name.removeprefix(PREFIX): code
            for name, code in (self.model_extra or {}).items()
            if name.startswith(PREFIX) and isinstance(code, str) and code
        }


class CancelledForm(LaterForm):
    """Why there was no lesson."""

    reason: str = Field("", max_length=500)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person has chosen before, which the page keeps.

    Attributes:
        chosen: Statuses by the ids of students.
        rest: Status of everybody else.
        reason: Why there was no lesson.
    """

    chosen: dict[str, str] = field(default_factory=dict)
    rest: str = ""
    reason: str = ""


@blueprint.get("/<class_id>")
@PageOperation(
    id="showLater",
    action="getRoll",
    access=WRITING,
    query=DayQuery,
    invalid=INVALID,
    errors=OF_CLASS,
)
async def show_later(principal: Principal, class_id: str, query: DayQuery) -> Response:
    """Show the roll of a class for a roll call after the event."""
    class_room = await core().services.get(Access).class_for(class_id, principal, WRITE)
    return await _page(principal, class_room, query.day or core().local_day())


@blueprint.post("/<class_id>")
@PageOperation(
    id="enterOnPage",
    action="addSession",
    access=WRITING,
    form=RollForm,
    max_body=LARGEST_FORM,
    invalid=INVALID,
    redirects=True,
    errors=OF_CLASS,
)
async def enter(
    principal: Principal, class_id: str, form: RollForm, errors: list[object]
) -> Response:
    """Store a roll call after the event."""
    chosen = form.chosen()
    statuses = chosen
    if form.rest not in ("", NOBODY):
        class_room = await core().services.get(Access).class_for(class_id, principal, WRITE)
        _teacher, students = await core().services.get(ClassService).people(class_room)
        statuses = {str(one.id): form.rest for one in students} | chosen

    async def store(attempt: Attempt) -> Document:
        noted = [Noted(student, code) for student, code in statuses.items()]
        return (
            await core()
            .services.get(LaterSessions)
            .add(class_id, form.date, noted, principal, attempt=attempt)
        )

    async def is_same(session: Document) -> bool:
        records = await core().services.get(SessionRecords).records(session["_id"])
        return {str(one["studentId"]): one["status"] for one in records} == statuses

    unfit = None if statuses else EMPTY
    if any(object_id(student) is None for student in chosen):
        unfit = REFUSALS[NotOnSessionRollError]
    typed = Typed(chosen=chosen, rest=form.rest)
    return await _stored(principal, class_id, form, typed, unfit, store, is_same)


@blueprint.post("/<class_id>/cancelled")
@PageOperation(
    id="enterCancelledOnPage",
    action="addSession",
    access=WRITING,
    form=CancelledForm,
    max_body=LARGEST_FORM,
    invalid=INVALID,
    redirects=True,
    errors=OF_CLASS,
)
async def enter_cancelled(
    principal: Principal, class_id: str, form: CancelledForm, errors: list[object]
) -> Response:
    """Store that there was no lesson."""
    reason = form.reason.strip()

    async def store(attempt: Attempt) -> Document:
        return (
            await core()
            .services.get(LaterSessions)
            .cancel(class_id, form.date, reason, principal, attempt=attempt)
        )

    async def is_same(session: Document) -> bool:
        return session["outcome"] == "cancelled" and session.get("note") == reason

    unfit = None if reason else NO_REASON
    typed = Typed(reason=form.reason)
    return await _stored(principal, class_id, form, typed, unfit, store, is_same)


async def _stored(
    principal: Principal,
    class_id: str,
    form: LaterForm,
    typed: Typed,
    unfit: tuple[str, str] | None,
    store: Callable[[Attempt], Awaitable[Document]],
    is_same: Callable[[Document], Awaitable[bool]],
) -> Response:
    """Store what a form has, unless somebody has entered the same day meanwhile."""
    class_room = await core().services.get(Access).class_for(class_id, principal, WRITE)
    if unfit is not None:
        return await _page(principal, class_room, form.date, typed, unfit)
    known = await _sessions(class_room, form.date)
    live = await _live(class_room, form.date)
    seen = sorted(set(form.seen.split()))
    attempt = _attempt(class_room, form.date, seen)
    ours = next((one for one in known if one["_id"] == attempt.id), None)
    if ours is None:
        if not _ids(known, live) <= set(seen):
            return await _page(principal, class_room, form.date, typed, meanwhile=True)
        try:
            ours = await store(attempt)
        except tuple(REFUSALS) as error:
            return await _page(principal, class_room, form.date, typed, REFUSALS[type(error)])
    # The same form that is sent twice is stored once; a different one is not stored at all.
    if not await is_same(ours):
        return await _page(principal, class_room, form.date, typed, meanwhile=True)
    day = form.date.isoformat()
    return see_other(f"/app/register/{class_room.id}?from={day}&to={day}")


def _attempt(class_room: ClassRoom, day: date, seen: list[str]) -> Attempt:
    """Return the try of whoever has seen the same roll calls of a day.

    Of two pages that are sent at the same moment, the database takes one: both have this ``_id``.
    """
    told = " ".join((str(class_room.id), day.isoformat(), *seen))
    return Attempt(ObjectId(sha256(told.encode()).digest()[:ID_BYTES]))


async def _sessions(class_room: ClassRoom, day: date) -> list[Document]:
    text = day.isoformat()
    return await core().services.get(SessionRecords).page(class_room.id, text, text)


async def _live(class_room: ClassRoom, day: date) -> list[SessionInfo]:
    live = await core().services.get(AttendanceService).live_in([class_room.id])
    return [one for one in live if core().local_day(one.started_at) == day]


def _ids(ended: list[Document], live: list[SessionInfo]) -> set[str]:
    return {str(one["_id"]) for one in ended} | {one.id for one in live}


async def _page(
    principal: Principal,
    class_room: ClassRoom,
    day: date,
    typed: Typed | None = None,
    problem: tuple[str, str] | None = None,
    *,
    meanwhile: bool = False,
) -> Response:
    services, pages = core().services, core().services.get(Pages)
    typed = typed or Typed()
    known = await _sessions(class_room, day)
    live = await _live(class_room, day)
    _teacher, students = await services.get(ClassService).people(class_room)
    may_set = services.get(Access).author(principal).statuses
    problems = {problem[0]: pages.translated(problem[1])} if problem else {}
    if meanwhile:
        problems = {"": pages.translated(MEANWHILE)}
    status = HTTPStatus.OK
    if problems:
        status = HTTPStatus.CONFLICT if meanwhile else HTTPStatus.UNPROCESSABLE_ENTITY
    return await page_for(
        principal,
        "later.html",
        status,
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        date=day.isoformat(),
        today=core().local_day().isoformat(),
        day=f"{named_day(day)} {day.year}",
        known=[_told(one) for one in await services.get(Answers).listed(known)],
        seen=" ".join(sorted(_ids(known, live))),
        is_live=bool(live),
        meanwhile=meanwhile,
        students=[{"id": str(one.id), "name": one.display_name} for one in students],
        statuses=[one for one in shown_statuses() if one.code in may_set],
        typed=typed,
        problems=problems,
    )


def _told(session: Document) -> dict[str, object]:
    """Return what the page says of a roll call that is there already."""
    counts = session["counts"]
    return {
        "by": session["startedBy"]["displayName"] or "",
        "since": clock_time(session["startedAt"]) if session["startedAt"] else "",
        "cancelled": session["outcome"] == "cancelled",
        "present": counts["present"],
        "absent": counts["absent"],
    }
