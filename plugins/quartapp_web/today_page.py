"""The page on which a teacher begins: their classes, and what is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field
from quart import Blueprint

from quartapp import (
    SIGNED_IN,
    Body,
    ObjectIdInput,
    PageOperation,
    Refusal,
    core,
    permission,
    see_other,
)
from quartapp_attendance import AttendanceService
from quartapp_auth import UserNotFoundError, UserService
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError
from quartapp_web.due_rolls import due_rolls
from quartapp_web.moments import clock_time
from quartapp_web.rendering import page_for

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError, Principal
    from quartapp_attendance import SessionInfo
    from quartapp_classes import ClassRoom

blueprint = Blueprint("web_today", __name__, url_prefix="/app")

NOT_FOUND = Refusal(404, "class not found")


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class on the page.

    Attributes:
        id: ``_id`` of the class.
        name: Name of the class.
        students: How many students are on the roll.
        since: Local time at which its live roll call began; None without one.
    """

    id: str
    name: str
    students: int
    since: str | None


class StartForm(Body):
    """The class whose roll is to be called; policies find the fields of the API's body in it."""

    class_id: ObjectIdInput = Field(alias="classId")
    class_name: None = None
    instead: str = Field("", max_length=24)
    """``_id`` of the other session whose end the teacher has agreed to."""


@blueprint.get("/today")
@PageOperation(id="showToday", action="listClasses", access=SIGNED_IN)
async def show_today(principal: Principal) -> Response:
    """Show the classes of a teacher, those with a live roll call first."""
    found = await core().services.get(ClassService).of(principal)
    service = core().services.get(AttendanceService)
    if not service.calls_rolls(principal):
        # A student's classes are those they are enrolled in, and an assistant's are not known.
        found = [room for room in found if principal.id in room.teachers.on(core().local_day())]
    live = {one.class_id: one for one in await service.live_in([room.id for room in found])}
    rows = [
        ClassRow(
            str(room.id),
            room.class_name,
            len(room.students_ids),
            clock_time(live[str(room.id)].started_at) if str(room.id) in live else None,
        )
        for room in found
    ]
    rows.sort(key=lambda row: (row.since is None, row.name.casefold()))
    return await page_for(
        principal, "today.html", classes=rows, due=await due_rolls(principal, found)
    )


@blueprint.post("/today")
@PageOperation(
    id="startOnPage",
    action="startAttendance",
    access=permission("session:start", role="teacher"),
    form=StartForm,
    invalid=NOT_FOUND,
    redirects=True,
    errors={ClassNotFoundError: NOT_FOUND, NotOwnerError: NOT_FOUND},
)
async def start(principal: Principal, form: StartForm, errors: list[FieldError]) -> Response:
    """Start a roll call, or ask first where that would end the roll call of another class."""
    classes = core().services.get(ClassService)
    class_room = await classes.allowed(form.class_id, principal, "session:start")
    service = core().services.get(AttendanceService)
    other = await service.ended_by_start(class_room.id)
    if other is not None and other.id != form.instead:
        return await _question(principal, class_room, other)
    await service.start(class_room, by=principal.id)
    return see_other(f"/app/roll/{class_room.id}")


async def _question(principal: Principal, class_room: ClassRoom, other: SessionInfo) -> Response:
    try:
        name = (await core().services.get(ClassService).get(other.class_id)).class_name
    except ClassNotFoundError:
        name = ""
    users = core().services.get(UserService)
    try:
        teacher = (await users.get(other.teacher_id)).display_name
    except UserNotFoundError:
        teacher = ""
    return await page_for(
        principal,
        "start_instead.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        other_name=name,
        teacher=teacher,
        is_own=other.teacher_id == principal.id,
        since=clock_time(other.started_at),
        instead=other.id,
    )
