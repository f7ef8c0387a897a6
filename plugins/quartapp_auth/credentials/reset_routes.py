from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import PUBLIC, Operation, Refusal, core
from quartapp_auth.administration.declared import ACCESS
from quartapp_auth.administration.declared import TAGS as ADMIN_TAGS
from quartapp_auth.credentials.resets import Resets
from quartapp_auth.errors import InvalidCodeError, UnfitPasswordError, UserNotFoundError
from quartapp_auth.routes import INVALID, TAGS, USER_NOT_FOUND, unfit_password
from quartapp_auth.schemas import NewResetAnswer, PasswordSet, ResetBody

if TYPE_CHECKING:
    from quartapp import Principal

reset_routes = Blueprint("resets", __name__, url_prefix="/api/v1")

SET = {"message": "Password set"}


@reset_routes.post("/auth/reset")
@Operation(
    id="resetPassword",
    access=PUBLIC,
    tags=TAGS,
    body=ResetBody,
    invalid=INVALID,
    data=PasswordSet,
    errors={
        InvalidCodeError: Refusal(400, "Invalid or expired code", field="code"),
        UnfitPasswordError: unfit_password("newPassword"),
    },
)
async def reset_password(body: ResetBody) -> dict[str, str]:
    """Set a password with a one-time code."""
    await core().services.get(Resets).set_password(body.code, body.new_password)
    return SET


@reset_routes.post("/admin/people/<user_id>/reset")
@Operation(
    id="createReset",
    access=ACCESS,
    tags=ADMIN_TAGS,
    status=201,
    data=NewResetAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND},
)
async def create_reset(principal: Principal, user_id: str) -> dict[str, Any]:
    """Make a one-time code for a person, and tell the code this once."""
    made = await core().services.get(Resets).make(user_id)
    return {"code": made.text, "expiresAt": made.expires_at}
