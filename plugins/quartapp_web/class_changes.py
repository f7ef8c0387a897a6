"""The forms on the administrator's page of a class: its teachers, its roll, and its end."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from quart import Blueprint

from quartapp import Refusal, core, see_other
from quartapp_auth import BaseRole, FirstCredentials
from quartapp_classes import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassService,
    PrimaryTeacherError,
    StudentNotFoundError,
    TeacherChanges,
    TeacherNotFoundError,
    UntilPassedError,
)
from quartapp_web.every_class_pages import (
    TAKEN,
    change_of_class,
    class_page,
    done,
)
from quartapp_web.moments import full_moment
from quartapp_web.named_people import NOBODY, UnclearPersonError, person_named
from quartapp_web.rendering import page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError, Principal

blueprint = Blueprint("web_class_changes", __name__, url_prefix="/app/classes")

MOST_LINES = 200
WHY = "It removes what other cases need."
DAY = _("Choose a day that is not over, or leave the day empty.")
NOT_ADDED = _("These students are not on the roll yet. Correct what you have typed.")
TOO_MANY = _("These are more than 200 lines. Add fewer students at once.")
PRIMARY = _("This is the main teacher, whom a class cannot lack. Make somebody else it first.")
IN_USE = {
    "attendance session is active": _("A roll call of the class is running."),
    "class has attendance records": _("The class has records, so it cannot be deleted here."),
}


class TeacherForm(BaseModel):
    """Somebody who is to teach a class, as the office types them."""

    teacher: str = ""
    teaches: Literal["beside", "primary"] = "beside"
    until: Annotated[date | None, BeforeValidator(lambda text: text or None)] = None


class OneForm(BaseModel):
    """Somebody or something that the page lists."""

    one: str = Field("", max_length=100)


class PeopleForm(BaseModel):
    """Students to put on a roll, one to a line."""

    people: str = ""


@blueprint.post("/<class_id>/teachers")
@change_of_class("setTeacherOnPage", "setTeacher", form=TeacherForm)
async def set_teacher(
    principal: Principal, class_id: str, form: TeacherForm | None, errors: list[FieldError]
) -> Response:
    """Make somebody a teacher of a class, a substitute until a day, or the main teacher."""
    if form is None:
        return await class_page(principal, class_id, {"until": DAY})
    teachers = core().services.get(TeacherChanges)
    try:
        teacher = str((await person_named(form.teacher, BaseRole.TEACHER)).id)
        if form.teaches == "primary":
            await teachers.hand_over(class_id, principal, teacher)
        else:
            await teachers.add(class_id, principal, teacher, until=form.until)
    except UnclearPersonError as error:
        return await class_page(principal, class_id, {"teacher": str(error)})
    except TeacherNotFoundError:
        return await class_page(principal, class_id, {"teacher": NOBODY})
    except PrimaryTeacherError:
        return await class_page(principal, class_id, {"teacher": PRIMARY})
    except UntilPassedError:
        return await class_page(principal, class_id, {"until": DAY})
    except ClassExistsError:
        return await class_page(principal, class_id, {"teacher": TAKEN})
    return done(class_id, "teachers")


@blueprint.post("/<class_id>/teachers/remove")
@change_of_class(
    "removeTeacherOnPage", "removeTeacher", form=OneForm, invalid=Refusal(400, "Invalid form")
)
async def remove_teacher(
    principal: Principal, class_id: str, form: OneForm, errors: list[FieldError]
) -> Response:
    """Take a teacher off a class; nothing changes where that has been done before."""
    try:
        await core().services.get(TeacherChanges).remove(class_id, principal, form.one)
    except TeacherNotFoundError:
        pass
    except PrimaryTeacherError:
        return await class_page(principal, class_id, {"": PRIMARY})
    return done(class_id, "teachers")


@blueprint.post("/<class_id>/roll")
@change_of_class("addStudentsOnPage", "addStudent", form=PeopleForm)
async def add_students(
    principal: Principal, class_id: str, form: PeopleForm | None, errors: list[FieldError]
) -> Response:
    """Put students on the roll, one to a line; whoever is not found is told, and nobody is lost."""
    classes = core().services.get(ClassService)
    await classes.allowed(class_id, principal, "roll:write")
    lines = form.people.splitlines() if form else []
    typed = [line for line in map(str.strip, lines) if line]
    if not typed:
        return await class_page(principal, class_id, {"people": NOBODY})
    if len(typed) > MOST_LINES:
        return await class_page(principal, class_id, {"people": TOO_MANY})
    unclear = []
    for line in typed:
        try:
            student = await person_named(line, BaseRole.STUDENT)
            await classes.add_student(class_id, principal, str(student.id))
        except UnclearPersonError as error:
            unclear.append((line, str(error)))
        except StudentNotFoundError:
            unclear.append((line, NOBODY))
        except AlreadyEnrolledError:
            continue
    if unclear:
        return await class_page(principal, class_id, {"people": NOT_ADDED}, lines=unclear)
    return done(class_id, "roll")


@blueprint.post("/<class_id>/roll/remove")
@change_of_class(
    "removeStudentOnPage", "removeStudent", form=OneForm, invalid=Refusal(400, "Invalid form")
)
async def remove_student(
    principal: Principal, class_id: str, form: OneForm, errors: list[FieldError]
) -> Response:
    """Take a student off the roll; nothing changes where that has been done before."""
    with contextlib.suppress(StudentNotFoundError):
        await core().services.get(ClassService).remove_student(class_id, principal, form.one)
    return done(class_id, "roll")


@blueprint.post("/<class_id>/credentials")
@change_of_class("makeCredentialsOfClass", "createReset")
async def make_credentials(principal: Principal, class_id: str) -> Response:
    """Make codes for those on the roll who never had a password, as a sheet to print and cut."""
    services = core().services
    class_room = await services.get(ClassService).allowed(class_id, principal, "class:read")
    first = services.get(FirstCredentials)
    people = await first.without_password(str(key) for key in class_room.students_ids)
    made = [await first.make(one) for one in people]
    handouts = [
        {
            "name": one.user.display_name,
            "signs_in_as": one.signs_in_as,
            "code": one.code.text,
            "until": full_moment(one.code.expires_at),
        }
        for one in sorted(made, key=lambda one: one.user.display_name.casefold())
    ]
    return await page_for(
        principal,
        "credentials.html",
        class_id=str(class_room.id),
        class_name=class_room.class_name,
        handouts=handouts,
    )


@blueprint.post("/<class_id>/delete")
@change_of_class("deleteClassOnPage", "deleteClass", fuzz=False, why=WHY)
async def delete_class(principal: Principal, class_id: str) -> Response:
    """Delete a class without records."""
    try:
        await core().services.get(ClassService).delete(class_id, principal, with_records=False)
    except ClassInUseError as error:
        return await class_page(principal, class_id, {"": IN_USE.get(str(error), str(error))})
    return see_other("/app/classes/")
