from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Blueprint, Response, after_this_request, request

from quartapp import INVALID_TOKEN, SIGNED_IN, Operation, core, unauthorized
from quartapp_auth.schemas import SignedOut
from quartapp_auth.signing_in.sign_out import SignOut

if TYPE_CHECKING:
    from werkzeug import Response as WerkzeugResponse

    from quartapp import Principal

blueprint = Blueprint("sign_out", __name__, url_prefix="/api/v1/auth")

TAGS = ("auth",)
SIGNED_OUT = {"message": "Signed out"}
WHY = "It ends the token of all other cases."


@blueprint.post("/logout")
@Operation(id="logout", access=SIGNED_IN, tags=TAGS, data=SignedOut, fuzz=False, why=WHY)
async def logout(principal: Principal) -> dict[str, str]:
    """End the token of the request."""
    if "iat" not in principal.claims:
        # Another system has issued the credentials, and only that system can end them.
        raise unauthorized(INVALID_TOKEN)
    await core().services.get(SignOut).here(principal)
    renew_cookie(None)
    return SIGNED_OUT


@blueprint.post("/logout-all")
@Operation(id="logoutAll", access=SIGNED_IN, tags=TAGS, data=SignedOut, fuzz=False, why=WHY)
async def logout_all(principal: Principal) -> dict[str, str]:
    """End all tokens of the caller's account."""
    await core().services.get(SignOut).everywhere(principal)
    renew_cookie(None)
    return SIGNED_OUT


def renew_cookie(token: str | None) -> None:
    """Let the answer change the session cookie, if the request carries one.

    Args:
        token: Token for the cookie; None clears the cookie.
    """
    cookies = core().cookies
    if not cookies.is_sent(request):
        return

    @after_this_request
    async def change(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        if isinstance(response, Response):
            if token is None:
                cookies.sign_out(response)
            else:
                cookies.sign_in(response, token)
        return response
