from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Blueprint

from quartapp import INVALID_TOKEN, SIGNED_IN, InvalidTokenError, Operation, core, unauthorized
from quartapp_auth.schemas import TicketAnswer

if TYPE_CHECKING:
    from quartapp import Principal

blueprint = Blueprint("tickets", __name__, url_prefix="/api/v1/auth")


@blueprint.post("/ticket")
@Operation(id="createTicket", access=SIGNED_IN, tags=("auth",), data=TicketAnswer)
async def create_ticket(principal: Principal) -> dict[str, str]:
    """Return a ticket that opens one socket, in place of a token."""
    try:
        return {"ticket": await core().tickets.issue(principal)}
    except InvalidTokenError as error:
        raise unauthorized(INVALID_TOKEN) from error
