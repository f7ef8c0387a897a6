from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import Operation, Refusal, core
from quartapp_auth.administration.administration import Administration
from quartapp_auth.administration.declared import ACCESS, INVALID, TAGS
from quartapp_auth.administration.schemas import (
    ErasureAnswer,
    ErasureBody,
    NewPersonBody,
    PasswordBody,
    PeopleQuery,
    PersonAnswer,
    RoleBody,
)
from quartapp_auth.erasure import Erasure
from quartapp_auth.errors import (
    UNFIT_PASSWORDS,
    EmailTakenError,
    LastAdministratorError,
    UnfitPasswordError,
    UnknownRoleError,
    UserNotFoundError,
)
from quartapp_auth.routes import USER_NOT_FOUND, unfit_password

if TYPE_CHECKING:
    from quartapp import Principal
    from quartapp_auth.accounts.users import User

people_routes = Blueprint("people", __name__, url_prefix="/api/v1/admin/people")

TAKEN = Refusal(409, "address or username is taken")
LAST_ADMINISTRATOR = Refusal(409, "the server needs another administrator first")
WHY = "It ends the token of other cases."


@people_routes.get("")
@Operation(
    id="listPeople",
    access=ACCESS,
    tags=TAGS,
    query=PeopleQuery,
    invalid=INVALID,
    data=list[PersonAnswer],
)
async def list_people(principal: Principal, query: PeopleQuery) -> list[dict[str, Any]]:
    """Return a page of people, of one role or found by name, address or username."""
    found = await _administration().people(query.search, query.role, query.limit, query.after)
    return [_answer(user) for user in found]


@people_routes.post("")
@Operation(
    id="createPerson",
    access=ACCESS,
    tags=TAGS,
    body=NewPersonBody,
    invalid=INVALID,
    status=201,
    data=PersonAnswer,
    errors={
        EmailTakenError: TAKEN,
        UnknownRoleError: INVALID,
        UnfitPasswordError: unfit_password("password", UNFIT_PASSWORDS),
    },
)
async def create_person(principal: Principal, body: NewPersonBody) -> dict[str, Any]:
    """Make an account for a person."""
    return _answer(
        await _administration().create(
            body.name, body.email, body.username, body.role, body.password
        )
    )


@people_routes.get("/<user_id>")
@Operation(
    id="getPerson",
    access=ACCESS,
    tags=TAGS,
    data=PersonAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND},
)
async def get_person(principal: Principal, user_id: str) -> dict[str, Any]:
    """Return a person's account."""
    return _answer(await _administration().person(user_id))


@people_routes.post("/<user_id>/disable")
@Operation(
    id="disablePerson",
    access=ACCESS,
    tags=TAGS,
    data=PersonAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND, LastAdministratorError: LAST_ADMINISTRATOR},
    fuzz=False,
    why=WHY,
)
async def disable_person(principal: Principal, user_id: str) -> dict[str, Any]:
    """Refuse an account from now on, and end its tokens and sockets; its records stay."""
    return _answer(await _administration().disable(user_id))


@people_routes.post("/<user_id>/enable")
@Operation(
    id="enablePerson",
    access=ACCESS,
    tags=TAGS,
    data=PersonAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND},
)
async def enable_person(principal: Principal, user_id: str) -> dict[str, Any]:
    """Let a disabled account sign in again."""
    return _answer(await _administration().enable(user_id))


@people_routes.put("/<user_id>/role")
@Operation(
    id="setRole",
    access=ACCESS,
    tags=TAGS,
    body=RoleBody,
    invalid=INVALID,
    data=PersonAnswer,
    errors={
        UserNotFoundError: USER_NOT_FOUND,
        UnknownRoleError: INVALID,
        LastAdministratorError: LAST_ADMINISTRATOR,
    },
    fuzz=False,
    why=WHY,
)
async def set_role(principal: Principal, user_id: str, body: RoleBody) -> dict[str, Any]:
    """Give an account another role, and end its tokens and sockets."""
    return _answer(await _administration().set_role(user_id, body.role))


@people_routes.put("/<user_id>/password")
@Operation(
    id="setPassword",
    access=ACCESS,
    tags=TAGS,
    body=PasswordBody,
    invalid=INVALID,
    data=PersonAnswer,
    errors={
        UserNotFoundError: USER_NOT_FOUND,
        UnfitPasswordError: unfit_password("password"),
    },
    fuzz=False,
    why=WHY,
)
async def set_password(principal: Principal, user_id: str, body: PasswordBody) -> dict[str, Any]:
    """Give an account a password, and end its tokens and sockets."""
    return _answer(await _administration().set_password(user_id, body.password))


@people_routes.post("/<user_id>/revoke")
@Operation(
    id="revokePerson",
    access=ACCESS,
    tags=TAGS,
    data=PersonAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND},
    fuzz=False,
    why=WHY,
)
async def revoke_person(principal: Principal, user_id: str) -> dict[str, Any]:
    """End all tokens and sockets of an account; the person may sign in again."""
    return _answer(await _administration().revoke(user_id))


@people_routes.post("/<user_id>/erase")
@Operation(
    id="erasePerson",
    access=ACCESS,
    tags=TAGS,
    body=ErasureBody,
    body_required=False,
    invalid=INVALID,
    data=ErasureAnswer,
    errors={UserNotFoundError: USER_NOT_FOUND, LastAdministratorError: LAST_ADMINISTRATOR},
    fuzz=False,
    why=WHY,
)
async def erase_person(principal: Principal, user_id: str, body: ErasureBody) -> dict[str, Any]:
    """Erase what tells who a person is, and end their tokens; what is counted stays."""
    dry_run = bool(body.dry_run)
    erased = await core().services.get(Erasure).erase(user_id, dry_run=dry_run)
    return {"_id": user_id.lower(), "dryRun": dry_run, "erased": erased}


def _administration() -> Administration:
    return core().services.get(Administration)


def _answer(user: User) -> dict[str, Any]:
    return {
        "_id": user.id,
        "name": user.name,
        "displayName": user.display_name,
        "email": user.email,
        "username": user.username,
        "role": user.role,
        "disabled": user.disabled,
        "vouched": user.vouched,
        "issuer": user.issuer,
        "sourcedId": user.sourced_id,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    }
