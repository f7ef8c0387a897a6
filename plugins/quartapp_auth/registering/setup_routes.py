from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint, request

from quartapp import PUBLIC, Operation, Refusal, core
from quartapp_auth.errors import (
    UNFIT_PASSWORDS,
    InvalidSetupCodeError,
    SetupRefusedError,
    TooManyFailuresError,
    UnfitPasswordError,
)
from quartapp_auth.registering.setup import Setup
from quartapp_auth.registering.setup_notice import SetupNotice
from quartapp_auth.routes import INVALID, TAGS, TOO_MANY_REQUESTS, unfit_password, user_answer
from quartapp_auth.schemas import SetupBody, UserAnswer

if TYPE_CHECKING:
    from quartapp_auth.accounts.users import User

setup_routes = Blueprint("setup", __name__, url_prefix="/api/v1/auth")

NO_SETUP = Refusal(403, "Forbidden, no set-up with this code")


@setup_routes.post("/setup")
@Operation(
    id="setUp",
    access=PUBLIC,
    tags=TAGS,
    body=SetupBody,
    invalid=INVALID,
    status=201,
    data=UserAnswer,
    errors={
        SetupRefusedError: NO_SETUP,
        InvalidSetupCodeError: NO_SETUP,
        TooManyFailuresError: TOO_MANY_REQUESTS,
        UnfitPasswordError: unfit_password("password", UNFIT_PASSWORDS),
    },
)
async def set_up(body: SetupBody) -> dict[str, Any]:
    """Make the first administrator."""
    services = core().services
    user: User = await services.get(Setup).register(
        *(body.code, body.name, body.email, body.password), request.remote_addr
    )
    services.get(SetupNotice).remove()
    return user_answer(user)
