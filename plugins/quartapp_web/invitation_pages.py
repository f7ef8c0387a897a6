"""The administrator's pages about invitations: those that were made, and a new one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from quart import Blueprint

from quartapp import ObjectIdInput, PageOperation, Refusal, core, see_other
from quartapp_auth import (
    InvitationBody,
    InvitationNotFoundError,
    Invitations,
    InvitationUsedError,
    RegistrationClosedError,
    RegistrationRule,
    UnknownRoleError,
)
from quartapp_web.forms import WithoutBlanks, problems_of
from quartapp_web.moments import full_moment
from quartapp_web.people_pages import ACCESS, LARGEST_FORM, role_label, roles_to_choose
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart import Response

    from quartapp import DomainError, FieldError, Principal
    from quartapp_auth import Invitation

blueprint = Blueprint("web_invitations", __name__, url_prefix="/app/people")

SHOWN = 50
CLOSED = _("Registration is closed on this server, so nobody could use an invitation.")
USED = _("An account was made with this invitation already.")
GONE: Mapping[type[DomainError], Refusal] = {
    InvitationNotFoundError: Refusal(404, "Invitation not found")
}
WITHDRAWN = _("The invitation is withdrawn. Nobody can use it any more.")
UNKNOWN_ROLE = _("Choose a role.")


class InviteForm(WithoutBlanks, InvitationBody):
    """An invitation to make; an empty address is for any address."""


class InvitationsQuery(BaseModel):
    """The choice of invitations to list, and what was done a moment ago."""

    after: ObjectIdInput | None = None
    done: str = Field("", max_length=20)


@blueprint.get("/invitations")
@PageOperation(
    id="showInvitations",
    action="listInvitations",
    access=ACCESS,
    query=InvitationsQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_invitations(principal: Principal, query: InvitationsQuery) -> Response:
    """Show invitations, the newest first, also those that are used, withdrawn or past."""
    told = WITHDRAWN if query.done == "withdrawn" else ""
    return await _listed(principal, query.after, told=told)


@blueprint.post("/invitations/<invitation_id>/withdraw")
@PageOperation(
    id="withdrawInvitation",
    action="revokeInvitation",
    access=ACCESS,
    redirects=True,
    errors=GONE,
)
async def withdraw(principal: Principal, invitation_id: str) -> Response:
    """End an invitation that nobody has used."""
    try:
        await core().services.get(Invitations).revoke(invitation_id)
    except InvitationUsedError:
        return await _listed(principal, problem=USED)
    return see_other("/app/people/invitations?done=withdrawn")


@blueprint.post("/invitations/<invitation_id>/again")
@PageOperation(id="inviteAgain", action="createInvitation", access=ACCESS, errors=GONE)
async def invite_again(principal: Principal, invitation_id: str) -> Response:
    """Make another invitation like an earlier one, which ends: its text was shown that once."""
    services = core().services
    invitations = services.get(Invitations)
    try:
        # Before the earlier one ends.
        services.get(RegistrationRule).check_invited()
        earlier = await invitations.revoke(invitation_id)
        made = await invitations.make(earlier.role, earlier.email, principal.id)
    except InvitationUsedError:
        return await _listed(principal, problem=USED)
    except RegistrationClosedError:
        return await _listed(principal, problem=CLOSED)
    except UnknownRoleError:
        return await _form(principal, {"role": UNKNOWN_ROLE})
    return await _made(principal, *made)


@blueprint.get("/invite")
@PageOperation(id="showInvite", action="listInvitations", access=ACCESS)
async def show_invite(principal: Principal) -> Response:
    """Show the form that makes an invitation."""
    return await _form(principal)


@blueprint.post("/invite")
@PageOperation(
    id="inviteOnPage",
    action="createInvitation",
    access=ACCESS,
    form=InviteForm,
    max_body=LARGEST_FORM,
)
async def invite(
    principal: Principal, form: InviteForm | None, errors: list[FieldError]
) -> Response:
    """Make an invitation, and show its text this once."""
    if form is None:
        return await _form(principal, problems_of(errors))
    try:
        made = await core().services.get(Invitations).make(form.role, form.email, principal.id)
    except UnknownRoleError:
        return await _form(principal, {"role": UNKNOWN_ROLE})
    except RegistrationClosedError:
        return await _form(principal, {"": CLOSED})
    return await _made(principal, *made)


async def _made(principal: Principal, made: Invitation, secret: str) -> Response:
    until = full_moment(made.expires_at)
    return await page_for(principal, "invited.html", secret=secret, email=made.email, until=until)


async def _form(principal: Principal, problems: dict[str, str] | None = None) -> Response:
    pages = core().services.get(Pages)
    return await page_for(
        principal,
        "invite.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        roles=roles_to_choose(),
        problems=pages.all_translated(problems or {}),
    )


async def _listed(
    principal: Principal, after: str | None = None, told: str = "", problem: str = ""
) -> Response:
    found = await core().services.get(Invitations).newest(SHOWN + 1, after)
    pages = core().services.get(Pages)
    return await page_for(
        principal,
        "invitations.html",
        HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        invitations=[_row(one) for one in found[:SHOWN]],
        more=str(found[SHOWN - 1].id) if len(found) > SHOWN else "",
        told=pages.translated(told),
        problems={"": pages.translated(problem)} if problem else {},
    )


def _row(one: Invitation) -> dict[str, Any]:
    is_open, state = _state(one)
    return {
        "id": str(one.id),
        "role": role_label(one.role),
        "email": one.email,
        "open": is_open,
        "state": state,
        "made": full_moment(one.created_at),
        "used_by": str(one.used_by) if one.used_by else "",
    }


def _state(one: Invitation) -> tuple[bool, str]:
    pages = core().services.get(Pages)
    if one.used_by:
        return False, pages.translated(_("used"))
    if one.revoked_at:
        return False, pages.translated(_("withdrawn"))
    until = full_moment(one.expires_at)
    if one.expires_at <= core().clock.now():
        return False, pages.translated(_("past since {until}")).replace("{until}", until)
    return True, pages.translated(_("open until {until}")).replace("{until}", until)
