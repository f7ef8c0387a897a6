from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, Refusal, core
from quartapp_auth.administration.declared import ACCESS, INVALID, TAGS
from quartapp_auth.errors import (
    InvitationNotFoundError,
    InvitationUsedError,
    RegistrationClosedError,
    UnknownRoleError,
)
from quartapp_auth.registering.invitations import Invitations
from quartapp_auth.routes import CLOSED
from quartapp_auth.schemas import (
    InvitationAnswer,
    InvitationBody,
    InvitationsQuery,
    NewInvitationAnswer,
)

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_auth.registering.invitations import Invitation

invitation_routes = Blueprint("invitations", __name__, url_prefix="/api/v1/admin/invitations")


@invitation_routes.post("")
@Operation(
    id="createInvitation",
    access=ACCESS,
    tags=TAGS,
    body=InvitationBody,
    invalid=INVALID,
    status=201,
    data=NewInvitationAnswer,
    errors={RegistrationClosedError: CLOSED, UnknownRoleError: INVALID},
)
async def create_invitation(principal: Principal, body: InvitationBody) -> dict[str, Any]:
    """Make an invitation, and tell its text this once."""
    made, secret = await _invitations().make(body.role, body.email, principal.id)
    return {**_answer(made), "invitation": secret}


@invitation_routes.get("")
@Operation(
    id="listInvitations",
    access=ACCESS,
    tags=TAGS,
    query=InvitationsQuery,
    invalid=INVALID,
    data=list[InvitationAnswer],
)
async def list_invitations(principal: Principal, query: InvitationsQuery) -> list[dict[str, Any]]:
    """Return invitations, the newest first."""
    return [_answer(one) for one in await _invitations().newest(query.limit, query.after)]


@invitation_routes.delete("/<invitation_id>")
@Operation(
    id="revokeInvitation",
    access=ACCESS,
    tags=TAGS,
    data=InvitationAnswer,
    errors={
        InvitationNotFoundError: Refusal(404, "Invitation not found"),
        InvitationUsedError: Refusal(409, "invitation was used"),
    },
)
async def revoke_invitation(principal: Principal, invitation_id: str) -> dict[str, Any]:
    """End an invitation that nobody has used."""
    return _answer(await _invitations().revoke(invitation_id))


def _invitations() -> Invitations:
    return core().services.get(Invitations)


def _answer(invitation: Invitation) -> dict[str, Any]:
    return {
        "_id": invitation.id,
        "role": invitation.role,
        "email": invitation.email,
        "createdAt": invitation.created_at,
        "expiresAt": invitation.expires_at,
        "createdBy": invitation.created_by,
        "usedBy": invitation.used_by,
        "usedAt": invitation.used_at,
        "revokedAt": invitation.revoked_at,
    }
