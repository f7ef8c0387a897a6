"""Sign-in and sign-out. They work without a script."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError
from quart import Blueprint, request

from quartapp import (
    PUBLIC,
    SIGNED_IN,
    AccountGoneError,
    Body,
    InvalidTokenError,
    PageOperation,
    core,
    see_other,
)
from quartapp_auth import (
    Credentials,
    SignOut,
    TooManyFailuresError,
    UserNotFoundError,
    UserService,
    WrongPasswordError,
)
from quartapp_web.rendering import Pages

if TYPE_CHECKING:
    from quart import Response

    from quartapp import FieldError, Principal

blueprint = Blueprint("web_sign_in", __name__, url_prefix="/app")

LARGEST_FORM = 8192
LONGEST_FIELD = 1024
HOME = "/app/"
_PAGE = re.compile(r"/app/[^\x00-\x20\x7f\\]*")


class SignInForm(Body):
    """What a person types to sign in; policies find the fields of the API's body in it."""

    identifier: str = Field("", max_length=LONGEST_FIELD)
    password: str = Field("", max_length=LONGEST_FIELD, repr=False)
    next: str = Field("", max_length=LONGEST_FIELD * 2)

    @property
    def email(self) -> str | None:
        """The address, where one was typed."""
        return self.identifier.strip().lower() if "@" in self.identifier else None

    @property
    def username(self) -> str | None:
        """The username, where no address was typed."""
        return None if "@" in self.identifier else self.identifier.strip()


class NextQuery(BaseModel):
    """The page that a person gets after the sign-in."""

    next: str = ""


@blueprint.get("/sign-in")
@PageOperation(id="showSignIn", access=PUBLIC, redirects=True)
async def show_sign_in() -> Response:
    """Show the sign-in, or lead a person who is signed in on."""
    wanted = local_page(request.args.get("next", ""))
    token = core().cookies.token(request)
    with suppress(InvalidTokenError, AccountGoneError):
        if token is not None:
            await core().authenticate(request, token)
            return see_other(wanted)
    return _form(wanted)


@blueprint.post("/sign-in")
@PageOperation(
    id="signIn",
    action="login",
    access=PUBLIC,
    form=SignInForm,
    max_body=LARGEST_FORM,
    redirects=True,
)
async def sign_in(form: SignInForm | None, errors: list[FieldError]) -> Response:
    """Sign a person in, and lead them to the page that they asked for."""
    if form is None:
        return _form(HOME, HTTPStatus.UNPROCESSABLE_ENTITY, problem="unfit")
    wanted, typed = local_page(form.next), form.identifier
    if not typed.strip() or not form.password:
        missing = "identifier" if not typed.strip() else "password"
        return _form(wanted, HTTPStatus.UNPROCESSABLE_ENTITY, typed, problem=f"no {missing}")
    try:
        given = {"email": form.email} if form.email else {"username": form.username}
        credentials = Credentials.model_validate({**given, "password": form.password})
        users = core().services.get(UserService)
        token = await users.login(credentials.identifier, credentials.password, request.remote_addr)
    except (ValidationError, UserNotFoundError, WrongPasswordError):
        return _form(wanted, HTTPStatus.BAD_REQUEST, typed, problem="wrong")
    except TooManyFailuresError as error:
        seconds = max(1, math.ceil(error.retry_after or 0))
        refused = _form(
            wanted, HTTPStatus.TOO_MANY_REQUESTS, typed, problem="too many", seconds=seconds
        )
        refused.headers["Retry-After"] = str(seconds)
        return refused
    response = see_other(wanted)
    core().cookies.sign_in(response, token)
    return response


@blueprint.post("/sign-out")
@PageOperation(
    id="signOut",
    action="logout",
    access=SIGNED_IN,
    redirects=True,
    fuzz=False,
    why="It ends the token of all other cases.",
)
async def sign_out(principal: Principal) -> Response:
    """End the token, clear the cookie, and lead to the sign-in."""
    # What another system has issued, only that system can end.
    if "iat" in principal.claims:
        await core().services.get(SignOut).here(principal)
    response = see_other("/app/sign-in")
    core().cookies.sign_out(response)
    return response


def local_page(path: str) -> str:
    """Return the page that an address asks for, or the first page in place of any other address.

    Args:
        path: A path from a client.
    """
    return path if _PAGE.fullmatch(path) else HOME


def _form(
    wanted: str,
    status: int = HTTPStatus.OK,
    typed: str = "",
    *,
    problem: str = "",
    seconds: int = 0,
) -> Response:
    pages = core().services.get(Pages)
    values: dict[str, object] = {
        "wanted": wanted,
        "typed": typed,
        "problem": problem,
        "seconds": seconds,
    }
    values["is_set"] = not problem and "set" in request.args
    return pages.page("sign_in.html", status, **values)
