from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint, request

from quartapp import PUBLIC, Operation, Refusal, core
from quartapp_auth.administration.declared import ACCESS
from quartapp_auth.administration.declared import TAGS as ADMIN_TAGS
from quartapp_auth.credentials.forgotten import ForgottenPasswords
from quartapp_auth.credentials.resets import Resets
from quartapp_auth.errors import (
    InvalidCodeError,
    NoMailError,
    TooManyFailuresError,
    UnfitPasswordError,
    UserNotFoundError,
)
from quartapp_auth.routes import (
    INVALID,
    TAGS,
    TOO_MANY_REQUESTS,
    USER_NOT_FOUND,
    unfit_password,
)
from quartapp_auth.schemas import (
    ForgottenAnswer,
    ForgottenBody,
    NewResetAnswer,
    PasswordSet,
    ResetBody,
)

if TYPE_CHECKING:
    from quartapp import Principal

reset_routes = Blueprint("resets", __name__, url_prefix="/api/v1")

SET = {"message": "Password set"}
ASKED = {"message": "If the address has an account, a mail is on its way"}


@reset_routes.post("/auth/forgot")
@Operation(
    id="forgotPassword",
    access=PUBLIC,
    tags=TAGS,
    body=ForgottenBody,
    invalid=INVALID,
    data=ForgottenAnswer,
    errors={
        NoMailError: Refusal(403, "Forbidden, this server sends no mail"),
        TooManyFailuresError: TOO_MANY_REQUESTS,
    },
)
async def forgot_password(body: ForgottenBody) -> dict[str, str]:
    """Mail a one-time code to the account with an address, if there is one."""
    await core().services.get(ForgottenPasswords).ask(body.email, request.remote_addr)
    return ASKED


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
    """Mail a one-time code to a person; without mail, make the code and tell it this once."""
    services = core().services
    if await services.get(ForgottenPasswords).mailed_to(user_id, principal.id):
        return {"code": None, "expiresAt": None, "mailed": True}
    made = await services.get(Resets).make(user_id)
    return {"code": made.text, "expiresAt": made.expires_at, "mailed": False}
