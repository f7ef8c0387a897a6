"""The rows of invitations; all need an administrator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, TIME, Like
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import NOBODY, Row, error, ok, user
from quartapp_contract_suite.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/api/v1/admin/invitations"
SECRET = Like(r"[A-Za-z0-9_-]{22}")
ADDRESS = "<fresh>@school.example"


def invitation_rows() -> list[Row]:
    """Return the rows."""
    return [replace(row, by_admin=True) for row in (*_create(), *_others(), *_register())]


def invitation(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an invitation as answers have it."""
    dates = {"createdAt": TIME, "expiresAt": TIME}
    open_ = {"usedBy": None, "usedAt": None, "revokedAt": None}
    made = {"_id": ID, "role": "teacher", "email": ADDRESS, "createdBy": "<admin_id>"}
    return {**made, **dates, **open_, **more}


def _create() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("createInvitation", case, "POST", PATH, "admin", status, body, sent)

    invalid = error("Invalid request schema")
    unknown = {name: value for name, value in invalid.items() if name != "errors"}
    made = invitation(invitation=SECRET)
    return [
        row("for an address", 201, ok(made), {"role": "teacher", "email": ADDRESS.upper()}),
        row("for any address", 201, ok({**made, "email": None}), {"role": "teacher"}),
        row(
            "of an administrator",
            201,
            ok({**made, "role": "admin"}),
            {"role": "admin", "email": ADDRESS},
        ),
        row("role that is none", 400, unknown, {"role": "<fresh>"}),
        row("role missing", 400, invalid, {"email": ADDRESS}),
        row("role null", 400, invalid, {"role": None}),
        row("role empty", 400, invalid, {"role": ""}),
        row("email no address", 400, invalid, {"role": "teacher", "email": "ada"}),
        row("email null", 400, invalid, {"role": "teacher", "email": None}),
    ]


def _others() -> list[Row]:
    def listed(case: str, query: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        path = f"{PATH}?{query}"
        return Row("listInvitations", case, "GET", path, "admin", status, body, given=Scene.invite)

    def revoked(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] = Scene.invite,
        at: str = "<invitation_id>",
    ) -> Row:
        path = f"{PATH}/{at}"
        return Row("revokeInvitation", case, "DELETE", path, "admin", status, body, given=given)

    invalid = error("Invalid request schema")
    gone = invitation(_id="<invitation_id>", revokedAt=TIME)
    return [
        listed("the newest", "limit=1", 200, ok([invitation(_id="<invitation_id>")])),
        listed("behind the oldest", "after=<missing>", 200, ok([])),
        listed("limit 0", "limit=0", 400, invalid),
        listed("limit 501", "limit=501", 400, invalid),
        listed("after no id", "after=x", 400, invalid),
        revoked("one of nobody", 200, ok(gone)),
        revoked("one that was revoked", 200, ok(gone), Scene.invite_and_revoke),
        revoked("one that was used", 409, error("invitation was used"), Scene.invite_and_use),
        revoked("unknown", 404, error("Invitation not found"), at="<missing>"),
        revoked("no id", 404, error("Invitation not found"), at="x"),
    ]


def _register() -> list[Row]:
    good = {"name": "Ada", "email": ADDRESS, "password": PASSWORD, "invitation": "<invitation>"}

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] = Scene.invite,
        **fields: Any,  # noqa: ANN401 - JSON
    ) -> Row:
        sent = {**good, **fields}
        path = "/api/v1/auth/register"
        return Row("registerUser", case, "POST", path, NOBODY, status, body, sent, given)

    made = ok(user("ada", ADDRESS, "teacher"))
    refused = error("Forbidden, registration is by invitation")
    return [
        row("with an invitation", 201, made),
        row("with an invitation and its role", 201, made, role="teacher"),
        row("with an invitation for another role", 403, refused, role="student"),
        row("with an invitation for another address", 403, refused, email="b<fresh>@a.example"),
        row("with an invitation that was used", 403, refused, Scene.invite_and_use),
        row("with an invitation that was revoked", 403, refused, Scene.invite_and_revoke),
        row("with a text that is no invitation", 403, refused, invitation="<fresh>"),
        row("with an empty invitation", 422, error("Invalid request Schema"), invitation=""),
        row("with an invitation of null", 422, error("Invalid request Schema"), invitation=None),
    ]
