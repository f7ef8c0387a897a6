from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Blueprint, request

from quartapp import SIGNED_IN, Operation, Refusal, core
from quartapp_auth.credentials.password_change import PasswordChange
from quartapp_auth.errors import (
    TooManyFailuresError,
    UnfitPasswordError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_auth.routes import (
    INVALID,
    TAGS,
    TOO_MANY_REQUESTS,
    USER_NOT_FOUND,
    unfit_password,
)
from quartapp_auth.schemas import PasswordChangeBody, TokenAnswer
from quartapp_auth.signing_in.sign_out_routes import WHY, renew_cookie

if TYPE_CHECKING:
    from quartapp import Principal

blueprint = Blueprint("passwords", __name__, url_prefix="/api/v1/auth")


@blueprint.post("/password")
@Operation(
    id="changePassword",
    access=SIGNED_IN,
    tags=TAGS,
    body=PasswordChangeBody,
    invalid=INVALID,
    data=TokenAnswer,
    errors={
        UnfitPasswordError: unfit_password("newPassword"),
        WrongPasswordError: Refusal(400, "Invalid password", field="password"),
        UserNotFoundError: USER_NOT_FOUND,
        TooManyFailuresError: TOO_MANY_REQUESTS,
    },
    fuzz=False,
    why=WHY,
)
async def change_password(principal: Principal, body: PasswordChangeBody) -> dict[str, str]:
    """Change the caller's password; all tokens of the account end, but for a fresh one."""
    token = (
        await core()
        .services.get(PasswordChange)
        .change(principal.id, body.password, body.new_password, request.remote_addr)
    )
    renew_cookie(token)
    return {"token": token}
