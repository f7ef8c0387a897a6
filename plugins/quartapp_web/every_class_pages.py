"""The administrator's pages about classes: finding and creating them, their teachers and rolls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel
from quart import Blueprint

from quartapp import PageOperation, Refusal, core, permission, see_other, trimmed
from quartapp_auth import BaseRole
from quartapp_calendar import Meetings, Terms
from quartapp_classes import (
    ClassExistsError,
    ClassNotFoundError,
    ClassService,
    NotOwnerError,
    Rolls,
    TeacherChanges,
)
from quartapp_web.class_lists import ClassesQuery, every_class
from quartapp_web.forms import DoneQuery, form_for
from quartapp_web.named_people import UnclearPersonError, person_named
from quartapp_web.own_sections import MANAGING_CLASSES
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quart import Response

    from quartapp import DomainError, FieldError, Principal
    from quartapp_classes import ClassRoom

blueprint = Blueprint("web_every_class", __name__, url_prefix="/app/classes")

ACCESS = permission(MANAGING_CLASSES, role="admin")
LARGEST_FORM = 32_768
OF_CLASS: Mapping[type[DomainError], Refusal] = {
    ClassNotFoundError: Refusal(404, "Class not found"),
    NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
}
NAME = _("Type a name of 3 to 100 characters.")
TAKEN = _("The teacher has a class of this name already. Type another name.")
WEEKDAYS = (
    *(_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday")),
    *(_("Saturday"), _("Sunday")),
)
CHANGES = {
    "created": _("The class is created. Now put its students on the roll."),
    "renamed": _("The class has its new name."),
    "teachers": _("The teachers are changed."),
    "roll": _("The roll is changed."),
    "meetings": _("The meetings are changed."),
}


class NameForm(BaseModel):
    """The name of a class."""

    name: Annotated[str, trimmed(3, 100)]


class NewClassForm(NameForm):
    """A new class, and its teacher as the office types them."""

    teacher: str = ""


def change_of_class(operation_id: str, action: str, **declared: Any) -> PageOperation:  # noqa: ANN401
    """Return the declaration of a form on the page of a class.

    Args:
        operation_id: Id of the operation.
        action: Id of the API's operation that the form stands for.
        declared: Further attributes of the operation.
    """
    return PageOperation(
        id=operation_id,
        action=action,
        access=ACCESS,
        redirects=True,
        max_body=LARGEST_FORM,
        errors=OF_CLASS,
        **declared,
    )


@blueprint.get("/")
@PageOperation(
    id="showEveryClass",
    action="listEveryClass",
    access=ACCESS,
    query=ClassesQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_every_class(principal: Principal, query: ClassesQuery) -> Response:
    """Show classes of all teachers, or those found by a name."""
    rooms, more = await every_class(query)
    teachers = await core().services.get(TeacherChanges).of_each(rooms)
    rows = [
        {
            "id": str(room.id),
            "name": room.class_name,
            "teachers": [one.contact.display_name for one in each],
            "students": len(room.students_ids),
        }
        for room, each in zip(rooms, teachers, strict=True)
    ]
    search = query.search or ""
    return await page_for(principal, "every_class.html", classes=rows, search=search, more=more)


@blueprint.get("/new")
@PageOperation(id="showNewClass", action="listEveryClass", access=ACCESS)
async def show_new_class(principal: Principal) -> Response:
    """Show the form that creates a class."""
    return await _new(principal)


@blueprint.post("/new")
@change_of_class("createClassOnPage", "createClassForTeacher", form=NewClassForm)
async def create_class(
    principal: Principal, form: NewClassForm | None, errors: list[FieldError]
) -> Response:
    """Create a class of a teacher."""
    if form is None:
        return await _new(principal, {error.field: NAME for error in errors})
    try:
        teacher = await person_named(form.teacher, BaseRole.TEACHER)
        made = await core().services.get(ClassService).create_for(str(teacher.id), form.name)
    except UnclearPersonError as error:
        return await _new(principal, {"teacher": str(error)})
    except ClassExistsError:
        return await _new(principal, {"name": TAKEN})
    return done(str(made.id), "created")


@blueprint.get("/<class_id>")
@PageOperation(
    id="showClass",
    action="getRoll",
    access=ACCESS,
    query=DoneQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors=OF_CLASS,
)
async def show_class(principal: Principal, class_id: str, query: DoneQuery) -> Response:
    """Show a class: its name, its teachers and its roll."""
    return await class_page(principal, class_id, told=CHANGES.get(query.done, ""))


@blueprint.post("/<class_id>/name")
@change_of_class("renameClassOnPage", "renameClass", form=NameForm)
async def rename(
    principal: Principal, class_id: str, form: NameForm | None, errors: list[FieldError]
) -> Response:
    """Rename a class."""
    if form is None:
        return await class_page(principal, class_id, {"name": NAME})
    try:
        await core().services.get(ClassService).rename(class_id, principal, form.name)
    except ClassExistsError:
        return await class_page(principal, class_id, {"name": TAKEN})
    return done(class_id, "renamed")


def done(class_id: str, what: str) -> Response:
    """Lead back to the page of a class, which says what was done.

    Args:
        class_id: ``_id`` of the class.
        what: Key of ``CHANGES``.
    """
    return see_other(f"/app/classes/{class_id}?done={what}")


async def class_page(
    principal: Principal,
    class_id: str,
    problems: dict[str, str] | None = None,
    told: str = "",
    lines: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return the page of a class.

    Args:
        principal: The administrator.
        class_id: ``_id`` of the class.
        problems: What is wrong with which field, in English.
        told: What was done a moment ago, in English.
        lines: Lines that name no student, and why, in English.

    Raises:
        ClassNotFoundError: The class does not exist.
        NotOwnerError: The person has no permission for it.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    services = core().services
    class_room = await services.get(ClassService).allowed(class_id, principal, "class:read")
    pages = services.get(Pages)
    return await form_for(
        principal,
        "every_class_one.html",
        problems,
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        teachers=await _teachers(class_room),
        students=await _students(class_room),
        meetings=await _meetings(class_room),
        terms=await services.get(Terms).all(),
        weekdays=[(number, pages.translated(day)) for number, day in enumerate(WEEKDAYS, 1)],
        is_ours=services.get(Rolls).are_ours,
        lines=[(line, pages.translated(reason)) for line, reason in lines],
        told=pages.translated(told),
    )


async def _teachers(class_room: ClassRoom) -> list[dict[str, Any]]:
    return [
        {
            "id": str(one.contact.id),
            "name": one.contact.display_name,
            "address": one.contact.email or "",
            "primary": one.primary,
            "until": one.until,
        }
        for one in await core().services.get(TeacherChanges).of(class_room)
    ]


async def _meetings(class_room: ClassRoom) -> list[dict[str, str]]:
    services = core().services
    terms = {term.id: term.name for term in await services.get(Terms).all()}
    return [
        {
            "id": str(one.id),
            "day": services.get(Pages).translated(WEEKDAYS[one.weekday - 1]),
            "starts": one.starts,
            "ends": one.ends,
            "room": one.room or "",
            "term": terms.get(one.term_id, "") if one.term_id else "",
        }
        for one in await services.get(Meetings).of(class_room.id)
    ]


async def _students(class_room: ClassRoom) -> list[dict[str, str]]:
    _teacher, students = await core().services.get(ClassService).people(class_room)
    return [
        {"id": str(one.id), "name": one.display_name, "address": one.email or ""}
        for one in sorted(students, key=lambda one: one.display_name.casefold())
    ]


async def _new(principal: Principal, problems: dict[str, str] | None = None) -> Response:
    return await form_for(principal, "every_class_new.html", problems)
