"""A person's own account: the change of the password, and the sign-out everywhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quart import Blueprint, request

from quartapp import SIGNED_IN, PageOperation, Refusal, core, see_other
from quartapp_auth import (
    PasswordChange,
    PasswordChangeBody,
    SignOut,
    TooManyFailuresError,
    UnfitPasswordError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_web.forms import form_values, problems_of, unfit
from quartapp_web.rendering import page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError, Principal

blueprint = Blueprint("web_account", __name__, url_prefix="/app")

LARGEST_FORM = 8192
WHY = "It ends the token of all other cases."
PRESENT = {"password": _("Type your present password.")}


@blueprint.get("/account")
@PageOperation(id="showAccount", access=SIGNED_IN)
async def show_account(principal: Principal) -> Response:
    """Show the forms of a person's own account."""
    return await _account(principal)


@blueprint.post("/account/password")
@PageOperation(
    id="changePasswordOnPage",
    action="changePassword",
    access=SIGNED_IN,
    form=PasswordChangeBody,
    max_body=LARGEST_FORM,
    redirects=True,
    errors={
        UserNotFoundError: Refusal(404, "User not found"),
        TooManyFailuresError: Refusal(429, "Too Many Requests"),
    },
    fuzz=False,
    why=WHY,
)
async def change_password(
    principal: Principal, form: PasswordChangeBody | None, errors: list[FieldError]
) -> Response:
    """Change the password; this browser stays signed in, and no other."""
    if form is None:
        return await _account(principal, problems_of(errors, PRESENT))
    changing = core().services.get(PasswordChange)
    try:
        token = await changing.change(
            principal.id, form.password, form.new_password, request.remote_addr
        )
    except WrongPasswordError:
        return await _account(principal, {"password": _("This is not your present password.")})
    except UnfitPasswordError as error:
        return await _account(principal, {"newPassword": unfit(error)})
    response = see_other("/app/account?changed=yes")
    core().cookies.sign_in(response, token)
    return response


@blueprint.post("/account/sign-out-everywhere")
@PageOperation(
    id="signOutEverywhere",
    action="logoutAll",
    access=SIGNED_IN,
    redirects=True,
    fuzz=False,
    why=WHY,
)
async def sign_out_everywhere(principal: Principal) -> Response:
    """End all sign-ins of the person, also this one, and lead to the sign-in."""
    await core().services.get(SignOut).everywhere(principal)
    response = see_other("/app/sign-in")
    core().cookies.sign_out(response)
    return response


async def _account(principal: Principal, problems: dict[str, str] | None = None) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    values = await form_values(problems)
    changed = request.method == "GET" and "changed" in request.args
    return await page_for(principal, "account.html", status, changed=changed, **values)
