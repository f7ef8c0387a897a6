"""The administrator's pages about people: finding, inviting and changing accounts."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from quart import Blueprint

from quartapp import DomainError, ObjectIdInput, PageOperation, Refusal, core, permission, see_other
from quartapp_auth import (
    Administration,
    ForgottenPasswords,
    LastAdministratorError,
    Resets,
    RoleBody,
    UnknownRoleError,
    UserNotFoundError,
)
from quartapp_web.forms import SearchText
from quartapp_web.moments import full_moment
from quartapp_web.own_sections import MANAGING
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Response

    from quartapp import FieldError, Principal
    from quartapp_auth import User

blueprint = Blueprint("web_people", __name__, url_prefix="/app/people")

ACCESS = permission(MANAGING, role="admin")
LARGEST_FORM = 8192
SHOWN = 50
WHY = "It ends the token of other cases."
LAST = _("Nobody else is an administrator. Make another one first.")
OF_PERSON: Mapping[type[DomainError], Refusal] = {UserNotFoundError: Refusal(404, "User not found")}
CHANGES = {
    "disabled": _("The account is disabled, and signed out everywhere."),
    "enabled": _("The account may sign in again."),
    "revoked": _("The person is signed out everywhere."),
    "role": _("The role is changed, and the person is signed out everywhere."),
    "mailed": _("A mail with a code is on its way."),
}
BUNDLED_ROLES = (_("Teacher"), _("Student"), _("Administrator"))
"""Labels of the bundled roles, which the catalogues translate."""


class PeopleQuery(BaseModel):
    """The choice of people to list; an empty field says nothing."""

    search: SearchText = None
    role: SearchText = None
    after: ObjectIdInput | None = None
    limit: None = None


@blueprint.get("/")
@PageOperation(
    id="showPeople",
    action="listPeople",
    access=ACCESS,
    query=PeopleQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_people(principal: Principal, query: PeopleQuery) -> Response:
    """Show people of one role, or found by a name, an address or a username."""
    administration = core().services.get(Administration)
    found = await administration.people(query.search, query.role, SHOWN + 1, query.after)
    return await page_for(
        principal,
        "people.html",
        people=[_row(user) for user in found[:SHOWN]],
        search=query.search or "",
        role=query.role or "",
        roles=roles_to_choose(),
        after=str(found[SHOWN - 1].id) if len(found) > SHOWN else "",
    )


class DoneQuery(BaseModel):
    """What was done a moment ago, which the page then says."""

    done: str = ""


@blueprint.get("/<user_id>")
@PageOperation(
    id="showPerson",
    action="getPerson",
    access=ACCESS,
    query=DoneQuery,
    invalid=Refusal(400, "Invalid request schema"),
    errors=OF_PERSON,
)
async def show_person(principal: Principal, user_id: str, query: DoneQuery) -> Response:
    """Show an account, and what can be done with it."""
    return await _person(principal, user_id, done=CHANGES.get(query.done, ""))


def _change(operation_id: str, action: str, **declared: Any) -> PageOperation:  # noqa: ANN401
    """Return the declaration of a change of an account, which stands for a route of the API."""
    return PageOperation(
        id=operation_id,
        action=action,
        access=ACCESS,
        redirects=True,
        errors=OF_PERSON,
        **declared,
    )


@blueprint.post("/<user_id>/disable")
@_change("disableOnPage", "disablePerson", fuzz=False, why=WHY)
async def disable(principal: Principal, user_id: str) -> Response:
    """Refuse an account from now on."""
    try:
        await core().services.get(Administration).disable(user_id)
    except LastAdministratorError:
        return await _person(principal, user_id, {"": LAST})
    return _done(user_id, "disabled")


@blueprint.post("/<user_id>/enable")
@_change("enableOnPage", "enablePerson")
async def enable(principal: Principal, user_id: str) -> Response:
    """Let a disabled account sign in again."""
    await core().services.get(Administration).enable(user_id)
    return _done(user_id, "enabled")


@blueprint.post("/<user_id>/revoke")
@_change("revokeOnPage", "revokePerson", fuzz=False, why=WHY)
async def revoke(principal: Principal, user_id: str) -> Response:
    """End all sign-ins of an account."""
    await core().services.get(Administration).revoke(user_id)
    return _done(user_id, "revoked")


@blueprint.post("/<user_id>/role")
@_change("setRoleOnPage", "setRole", form=RoleBody, max_body=LARGEST_FORM, fuzz=False, why=WHY)
async def set_role(
    principal: Principal, user_id: str, form: RoleBody | None, errors: list[FieldError]
) -> Response:
    """Give an account another role."""
    if form is None:
        return await _person(principal, user_id, {"role": _("Choose a role.")})
    try:
        await core().services.get(Administration).set_role(user_id, form.role)
    except UnknownRoleError:
        return await _person(principal, user_id, {"role": _("Choose a role.")})
    except LastAdministratorError:
        return await _person(principal, user_id, {"role": LAST})
    return _done(user_id, "role")


@blueprint.post("/<user_id>/reset")
@_change("resetPerson", "createReset")
async def reset(principal: Principal, user_id: str) -> Response:
    """Mail a code for a new password; without mail, show the code this once."""
    services = core().services
    if await services.get(ForgottenPasswords).mailed_to(user_id, principal.id):
        return _done(user_id, "mailed")
    made = await services.get(Resets).make(user_id)
    return await _person(principal, user_id, code=made.text, until=full_moment(made.expires_at))


async def _person(
    principal: Principal,
    user_id: str,
    problems: dict[str, str] | None = None,
    **shown: str,
) -> Response:
    user = await core().services.get(Administration).person(user_id)
    pages = core().services.get(Pages)
    values = {"code": "", "until": "", "done": "", **shown}
    values["done"] = pages.translated(values["done"])
    return await page_for(
        principal,
        "person.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        account=_row(user),
        roles=roles_to_choose(),
        role=user.role,
        problems=pages.all_translated(problems or {}),
        **values,
    )


def _done(user_id: str, what: str) -> Response:
    return see_other(f"/app/people/{user_id}?done={what}")


def _row(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "name": user.display_name,
        "address": user.email or user.username or "",
        "role": role_label(user.role),
        "disabled": user.disabled,
    }


def roles_to_choose() -> list[tuple[str, str]]:
    """Return the names of all roles with their labels, in the visitor's language."""
    return [(role, role_label(role)) for role in core().roles]


def role_label(role: str) -> str:
    """Return the label of a role, in the visitor's language.

    Args:
        role: Name of the role.
    """
    return core().services.get(Pages).translated(core().roles.label(role))
