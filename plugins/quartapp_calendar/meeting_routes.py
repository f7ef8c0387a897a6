"""The routes of meetings, and of what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import ObjectId
from quart import Blueprint

from quartapp import SIGNED_IN, Operation, Refusal, core, permission
from quartapp_calendar.errors import MeetingNotFoundError, TermNotFoundError, TooManyError
from quartapp_calendar.meetings import Meetings
from quartapp_calendar.planning import Planning
from quartapp_calendar.routes import INVALID, TAGS, TERM_NOT_FOUND
from quartapp_calendar.schemas import (
    MeetingAnswer,
    MeetingBody,
    NotTakenAnswer,
    NotTakenQuery,
    PlannedAnswer,
    PlannedQuery,
)
from quartapp_classes import ClassNotFoundError, ClassService, NotEnrolledError, NotOwnerError

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_calendar.meetings import Meeting
    from quartapp_calendar.planning import PlannedMeeting
    from quartapp_classes import ClassRoom

class_routes = Blueprint("calendar_meetings", __name__, url_prefix="/api/v1/class")
not_taken_routes = Blueprint("calendar_not_taken", __name__, url_prefix="/api/v1/attendance")

WRITING = "meetings:write"
CHANGING = permission(WRITING, role="teacher")
CLASS_NOT_FOUND = Refusal(404, "Class not found")
NOT_TEACHER = Refusal(403, "Forbidden, not class teacher")
NOT_ENROLLED = Refusal(403, "Forbidden, not in the class")


@class_routes.get("/<class_id>/meetings")
@Operation(
    id="listMeetings",
    access=SIGNED_IN,
    tags=TAGS,
    data=list[MeetingAnswer],
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotEnrolledError: NOT_ENROLLED,
        NotOwnerError: NOT_TEACHER,
    },
)
async def list_meetings(principal: Principal, class_id: str) -> list[dict[str, Any]]:
    """Return the weekly meetings of a class, to its people and to administrators."""
    class_room = await _classes().readable(class_id, principal)
    return [_meeting(one) for one in await _meetings().of(class_room.id)]


@class_routes.post("/<class_id>/meetings")
@Operation(
    id="addMeeting",
    access=CHANGING,
    tags=TAGS,
    body=MeetingBody,
    invalid=INVALID,
    status=201,
    data=MeetingAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_TEACHER,
        TermNotFoundError: TERM_NOT_FOUND,
        TooManyError: Refusal(409, "class has too many meetings"),
    },
)
async def add_meeting(principal: Principal, class_id: str, body: MeetingBody) -> dict[str, Any]:
    """Add a weekly meeting to a class."""
    class_room = await _changeable(class_id, principal)
    return _meeting(
        await _meetings().add(
            *(class_room, body.weekday, body.starts, body.ends, body.room, body.term_id),
        )
    )


@class_routes.delete("/<class_id>/meetings/<meeting_id>")
@Operation(
    id="deleteMeeting",
    access=CHANGING,
    tags=TAGS,
    data=MeetingAnswer,
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotOwnerError: NOT_TEACHER,
        MeetingNotFoundError: Refusal(404, "Meeting not found"),
    },
)
async def delete_meeting(principal: Principal, class_id: str, meeting_id: str) -> dict[str, Any]:
    """Delete a weekly meeting of a class."""
    class_room = await _changeable(class_id, principal)
    return _meeting(await _meetings().delete(class_room, meeting_id))


@class_routes.get("/<class_id>/planned-meetings")
@Operation(
    id="listPlannedMeetings",
    access=SIGNED_IN,
    tags=TAGS,
    query=PlannedQuery,
    invalid=INVALID,
    data=list[PlannedAnswer],
    errors={
        ClassNotFoundError: CLASS_NOT_FOUND,
        NotEnrolledError: NOT_ENROLLED,
        NotOwnerError: NOT_TEACHER,
    },
)
async def list_planned(
    principal: Principal, class_id: str, query: PlannedQuery
) -> list[dict[str, Any]]:
    """Return the days and times at which a class meets, to its people and to administrators."""
    class_room = await _classes().readable(class_id, principal)
    first, last = query.days(core().local_day())
    return [_planned(one) for one in await _planning().planned(class_room.id, first, last)]


@not_taken_routes.get("/not-taken")
@Operation(
    id="listNotTaken",
    access=permission("class:read", role="teacher"),
    tags=TAGS,
    query=NotTakenQuery,
    invalid=INVALID,
    data=list[NotTakenAnswer],
    cursor="classId",
)
async def list_not_taken(principal: Principal, query: NotTakenQuery) -> list[dict[str, Any]]:
    """Return classes that meet on a day and have no session of that day."""
    classes = _classes()
    own = None if classes.manages(principal) else await classes.taught_ids(principal)
    found = await _planning().not_taken(
        query.date or core().local_day(),
        own,
        query.limit,
        None if query.after is None else ObjectId(query.after),
    )
    return [
        {
            "classId": one.class_id,
            "className": one.class_name,
            "meetings": [_planned(meeting) for meeting in one.meetings],
        }
        for one in found
    ]


async def _changeable(class_id: str, principal: Principal) -> ClassRoom:
    """Return a class whose meetings the principal may change.

    Raises:
        ClassNotFoundError: The class does not exist.
        NotOwnerError: The principal does not teach the class, and manages no classes.
    """
    classes = _classes()
    if classes.manages(principal):
        return await classes.get(class_id)
    return await classes.allowed(class_id, principal, WRITING)


def _classes() -> ClassService:
    return core().services.get(ClassService)


def _meetings() -> Meetings:
    return core().services.get(Meetings)


def _planning() -> Planning:
    return core().services.get(Planning)


def _meeting(meeting: Meeting) -> dict[str, Any]:
    return {
        "_id": meeting.id,
        "classId": meeting.class_id,
        "weekday": meeting.weekday,
        "from": meeting.starts,
        "to": meeting.ends,
        "room": meeting.room,
        "termId": meeting.term_id,
    }


def _planned(planned: PlannedMeeting) -> dict[str, Any]:
    return {
        "date": planned.day.isoformat(),
        "from": planned.meeting.starts,
        "to": planned.meeting.ends,
        "startsAt": planned.starts_at,
        "endsAt": planned.ends_at,
        "room": planned.meeting.room,
        "meetingId": planned.meeting.id,
        "termId": None if planned.term is None else planned.term.id,
    }
