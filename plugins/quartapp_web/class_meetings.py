"""The forms on the administrator's page of a class that add and delete its weekly meetings."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import Refusal, core
from quartapp_calendar import (
    MeetingBody,
    MeetingNotFoundError,
    Meetings,
    TermNotFoundError,
    TooManyError,
)
from quartapp_classes import ClassService
from quartapp_web.class_changes import OneForm
from quartapp_web.every_class_pages import change_of_class, class_page, done
from quartapp_web.forms import WithoutBlanks
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError, Principal

blueprint = Blueprint("web_class_meetings", __name__, url_prefix="/app/classes")

UNFIT = {
    "weekday": _("Choose a day of the week."),
    "from": _("Type the time of the start, such as 09:45."),
    "to": _("Type the time of the end, such as 10:30."),
    "room": _("Type a room with 100 characters at most."),
    "": _("The meeting ends before it begins. Type the times again."),
}
TERM = _("This term is deleted. Choose another one.")
TOO_MANY = _("The class has 50 meetings a week already. Delete one first.")


class MeetingForm(WithoutBlanks, MeetingBody):
    """A weekly meeting; an empty field says nothing."""


@blueprint.post("/<class_id>/meetings")
@change_of_class("addMeetingOnPage", "addMeeting", form=MeetingForm)
async def add_meeting(
    principal: Principal, class_id: str, form: MeetingForm | None, errors: list[FieldError]
) -> Response:
    """Add a weekly meeting to a class."""
    if form is None:
        problems = {one.field: UNFIT.get(one.field, UNFIT[""]) for one in errors}
        return await class_page(principal, class_id, problems)
    class_room = await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    try:
        await (
            core()
            .services.get(Meetings)
            .add(class_room, form.weekday, form.starts, form.ends, form.room, form.term_id)
        )
    except TermNotFoundError:
        return await class_page(principal, class_id, {"termId": TERM})
    except TooManyError:
        return await class_page(principal, class_id, {"": TOO_MANY})
    return done(class_id, "meetings")


@blueprint.post("/<class_id>/meetings/remove")
@change_of_class(
    "deleteMeetingOnPage", "deleteMeeting", form=OneForm, invalid=Refusal(400, "Invalid form")
)
async def delete_meeting(
    principal: Principal, class_id: str, form: OneForm, errors: list[FieldError]
) -> Response:
    """Delete a weekly meeting; nothing changes where that has been done before."""
    class_room = await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    with contextlib.suppress(MeetingNotFoundError):
        await core().services.get(Meetings).delete(class_room, form.one)
    return done(class_id, "meetings")
