"""Pages for people who cannot sign in: a forgotten password, an invitation, and the set-up.

A code comes in the part of a link that stays in the browser, after the ``#``, or is typed. So no
log and no other site learns the code, and the pages work without a script.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import Field
from quart import Blueprint, request

from quartapp import PUBLIC, Operation, Refusal, core, see_other
from quartapp_auth import (
    EmailTakenError,
    ForgottenBody,
    ForgottenPasswords,
    InvalidCodeError,
    InvalidSetupCodeError,
    InvitationNeededError,
    NewAccount,
    NoMailError,
    RegistrationClosedError,
    Registrations,
    ResetBody,
    Resets,
    Setup,
    SetupBody,
    SetupNotice,
    SetupRefusedError,
    TooManyFailuresError,
    UnfitPasswordError,
    UserService,
)
from quartapp_web.forms import form_page, problems_of, unfit
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError

blueprint = Blueprint("web_codes", __name__, url_prefix="/app")

LARGEST_FORM = 8192
TOO_MANY = Refusal(429, "Too Many Requests")
BAD_CODE = _("This code is not right, or it is used or past. Type it again, or ask for a new one.")
BAD_INVITATION = _(
    "This invitation is not right, is used or past, or is for another address. Ask for a new one."
)
NO_SETUP = _(
    "This code does not make an administrator. The server tells the right one when it starts, "
    "while nobody has an account."
)
TAKEN = _("This address has an account already. Sign in, or set a new password.")
UNFIT_STATUS = HTTPStatus.UNPROCESSABLE_ENTITY


class InvitationForm(NewAccount):
    """A new account, and the invitation that gives its role."""

    role: None = None
    invitation: str = Field(min_length=1, max_length=100, repr=False)


def _page(operation_id: str, **declared: object) -> Operation:
    """Return the declaration of a page for everybody."""
    shared = {"access": PUBLIC, "tags": (), "data": str, "documented": False, "page": True}
    return Operation(id=operation_id, **{**shared, **declared})  # type: ignore[arg-type]


def _form(operation_id: str, action: str, form: type, **declared: object) -> Operation:
    """Return the declaration of a form for everybody, which stands for a route of the API."""
    return _page(
        operation_id,
        action=action,
        form=form,
        max_body=LARGEST_FORM,
        redirects=True,
        errors={
            TooManyFailuresError: TOO_MANY,
            RegistrationClosedError: Refusal(403, "Forbidden, registration is closed"),
        },
        **declared,
    )


@blueprint.get("/forgotten")
@_page("showForgotten")
async def show_forgotten() -> Response:
    """Show how somebody gets a code for a new password."""
    return await form_page("forgotten.html")


@blueprint.post("/forgotten")
@_form("askForReset", "forgotPassword", ForgottenBody)
async def ask_for_reset(form: ForgottenBody | None, errors: list[FieldError]) -> Response:
    """Mail a code to an address, if it has an account; the answer is the same for all."""
    if form is None:
        return await form_page("forgotten.html", problems_of(errors), UNFIT_STATUS)
    try:
        await core().services.get(ForgottenPasswords).ask(form.email, request.remote_addr)
    except NoMailError:
        without = {"": _("This server sends no mail. Ask your school's office for a code.")}
        return await form_page("forgotten.html", without, HTTPStatus.FORBIDDEN)
    return see_other("/app/reset?mailed=yes")


@blueprint.get("/reset")
@_page("showReset")
async def show_reset() -> Response:
    """Show the form that sets a password by a code."""
    return await form_page("reset.html")


@blueprint.post("/reset")
@_form("resetOnPage", "resetPassword", ResetBody)
async def reset(form: ResetBody | None, errors: list[FieldError]) -> Response:
    """Set a password by a code, and lead to the sign-in."""
    if form is None:
        return await form_page("reset.html", problems_of(errors), UNFIT_STATUS)
    try:
        await core().services.get(Resets).set_password(form.code, form.new_password)
    except InvalidCodeError:
        return await _refused("reset.html", "code", BAD_CODE)
    except UnfitPasswordError as error:
        return await _refused("reset.html", "newPassword", unfit(error))
    return see_other("/app/sign-in?set=yes")


@blueprint.get("/invitation")
@_page("showInvitation")
async def show_invitation() -> Response:
    """Show the form that makes an account by an invitation."""
    return await form_page("invitation.html")


@blueprint.post("/invitation")
@_form("acceptInvitation", "registerUser", InvitationForm)
async def accept_invitation(form: InvitationForm | None, errors: list[FieldError]) -> Response:
    """Make an account by an invitation, and sign its person in."""
    if form is None:
        return await form_page("invitation.html", problems_of(errors), UNFIT_STATUS)
    given = (form.name, form.email, form.password)
    try:
        await (
            core()
            .services.get(Registrations)
            .register(*given, None, invitation=form.invitation.strip())
        )
    except InvitationNeededError:
        return await _refused("invitation.html", "invitation", BAD_INVITATION)
    except EmailTakenError:
        return await _refused("invitation.html", "email", TAKEN)
    except UnfitPasswordError as error:
        return await _refused("invitation.html", "password", unfit(error))
    return await _signed_in(form)


@blueprint.get("/setup")
@_page("showSetup")
async def show_setup() -> Response:
    """Show the form that makes the first administrator."""
    return await form_page("setup.html")


@blueprint.post("/setup")
@_form("setUpOnPage", "setUp", SetupBody)
async def set_up(form: SetupBody | None, errors: list[FieldError]) -> Response:
    """Make the first administrator, and sign them in."""
    if form is None:
        return await form_page("setup.html", problems_of(errors), UNFIT_STATUS)
    services = core().services
    try:
        await services.get(Setup).register(
            *(form.code, form.name, form.email, form.password), request.remote_addr
        )
    except (SetupRefusedError, InvalidSetupCodeError):
        return await _refused("setup.html", "code", NO_SETUP)
    except UnfitPasswordError as error:
        return await _refused("setup.html", "password", unfit(error))
    services.get(SetupNotice).remove()
    return await _signed_in(form)


async def _signed_in(made: NewAccount) -> Response:
    users = core().services.get(UserService)
    token = await users.login(made.email, made.password, request.remote_addr)
    response = see_other("/app/")
    core().cookies.sign_in(response, token)
    return response


async def _refused(template: str, field: str, text: str) -> Response:
    return await form_page(template, {field: text}, HTTPStatus.BAD_REQUEST)
