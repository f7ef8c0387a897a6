from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint, request

from quartapp import (
    INVALID_TOKEN,
    PUBLIC,
    SIGNED_IN,
    AccountGoneError,
    Operation,
    Refusal,
    core,
    unauthorized,
)
from quartapp_auth.errors import (
    UNFIT_FURTHER_PASSWORDS,
    UNFIT_PASSWORDS,
    EmailTakenError,
    InvitationNeededError,
    RegistrationClosedError,
    TooManyFailuresError,
    UnfitPasswordError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_auth.registering.registrations import Registrations
from quartapp_auth.schemas import Credentials, Registration, TokenAnswer, UserAnswer
from quartapp_auth.service import UserService
from quartapp_auth.signing_in.sign_out_routes import renew_cookie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp import Attempt, Principal
    from quartapp_auth.accounts.users import User

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth")

TAGS = ("auth",)
INVALID = Refusal(422, "Invalid request Schema")
BY_INVITATION = Refusal(403, "Forbidden, registration is by invitation")
CLOSED = Refusal(403, "Forbidden, registration is closed")
TOO_MANY_REQUESTS = Refusal(429, "Too Many Requests")
USER_NOT_FOUND = Refusal(404, "User not found")


def unfit_password(
    field: str, messages: Sequence[str] = UNFIT_FURTHER_PASSWORDS
) -> tuple[Refusal, ...]:
    """Return the answers to a new password that is not good enough.

    Args:
        field: Name of the field with the password.
        messages: The reasons; by default those for an account that exists already.
    """
    return tuple(Refusal(400, message, field=field) for message in messages)


@blueprint.post("/register")
@Operation(
    id="registerUser",
    idempotent=True,
    access=PUBLIC,
    tags=TAGS,
    body=Registration,
    invalid=INVALID,
    status=201,
    data=UserAnswer,
    errors={
        EmailTakenError: Refusal(403, "Email already exists"),
        InvitationNeededError: BY_INVITATION,
        RegistrationClosedError: CLOSED,
        UnfitPasswordError: unfit_password("password", UNFIT_PASSWORDS),
    },
)
async def register(body: Registration, attempt: Attempt) -> dict[str, Any]:
    """Make an account."""
    user = (
        await core()
        .services.get(Registrations)
        .register(
            body.name,
            body.email,
            body.password,
            body.role,
            attempt,
            invitation=body.invitation,
        )
    )
    return user_answer(user)


@blueprint.post("/login")
@Operation(
    id="login",
    access=PUBLIC,
    tags=TAGS,
    body=Credentials,
    invalid=INVALID,
    data=TokenAnswer,
    errors={
        UserNotFoundError: USER_NOT_FOUND,
        WrongPasswordError: Refusal(400, "Invalid email or password"),
        TooManyFailuresError: TOO_MANY_REQUESTS,
    },
)
async def login(body: Credentials) -> dict[str, Any]:
    """Sign in."""
    users = core().services.get(UserService)
    return {"token": await users.login(body.identifier, body.password, request.remote_addr)}


@blueprint.post("/refresh")
@Operation(id="refreshToken", access=SIGNED_IN, tags=TAGS, data=TokenAnswer)
async def refresh(principal: Principal) -> dict[str, Any]:
    """Exchange a valid token for a fresh one, also in the session cookie."""
    if "iat" not in principal.claims:
        # The credentials of another system are not a token of this server, and may end earlier than
        # one.
        raise unauthorized(INVALID_TOKEN)
    users = core().services.get(UserService)
    try:
        token = await users.issue_token(await users.get(principal.id))
    except (UserNotFoundError, WrongPasswordError) as error:
        # The account has changed since the token was checked.
        raise unauthorized(INVALID_TOKEN) from error
    renew_cookie(token)
    return {"token": token}


@blueprint.get("/me")
@Operation(
    id="getMe",
    etag=True,
    access=SIGNED_IN,
    tags=TAGS,
    data=UserAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND, AccountGoneError: USER_NOT_FOUND},
)
async def me(principal: Principal) -> dict[str, Any]:
    """Return the caller's account."""
    return user_answer(await core().services.get(UserService).get(principal.id))


def user_answer(user: User) -> dict[str, Any]:
    """Return an account as the API answers it.

    Args:
        user: The account.
    """
    return {
        "_id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    }
