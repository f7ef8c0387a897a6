from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, core, permission
from quartapp_auth.administration.administration import LISTED
from quartapp_auth.administration.declared import INVALID, TAGS
from quartapp_auth.administration.schemas import AuditEntryAnswer, AuditQuery

if TYPE_CHECKING:
    from quartapp import Principal

AUDITING = "audit:read"

audit_routes = Blueprint("audit", __name__, url_prefix="/api/v1/admin/audit")


@audit_routes.get("")
@Operation(
    id="listAudit",
    access=permission(AUDITING, role="admin"),
    tags=TAGS,
    query=AuditQuery,
    invalid=INVALID,
    data=list[AuditEntryAnswer],
)
async def list_audit(principal: Principal, query: AuditQuery) -> list[dict[str, Any]]:
    """Return entries of the audit, the newest first."""
    found = await core().audit.newest(
        query.limit or LISTED,
        query.after and query.after.lower(),
        day=query.day,
        who=query.who and query.who.lower(),
        action=query.action,
    )
    # Entries without a client, or of a client long ago, have no address.
    return [{"address": None, "salt": None, **entry} for entry in found]
