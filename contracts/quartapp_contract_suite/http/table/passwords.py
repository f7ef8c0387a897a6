"""The rows of passwords: their change, and which ones are good enough."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import TIME, TOKEN, Like
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import KEBAB, NOBODY, Row, error, ok, on
from quartapp_contract_suite.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

CODE = Like(r"([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}")
ANOTHER = "difference-engine"
TOO_SHORT = "Password has to have 8 characters or more"
TOO_COMMON = "Password is one of the most common ones"
OF_THE_PERSON = "Password is the name, address or username of the account"
OF_THE_SCHOOL = "Password is the name of the school or of this program"
SCHOOL_WORD = "Password is a word of the school, such as the name of a class"
# New passwords of Ada with an address at school.example, and why they are refused.
UNFIT = {
    "nanosec": TOO_SHORT,
    "Sunshine": TOO_COMMON,
    "Ada#1815": OF_THE_PERSON,
    "School2026": OF_THE_SCHOOL,
    "1quartapp": OF_THE_SCHOOL,
}


def password_rows() -> list[Row]:
    """Return the rows of a server on which everybody may register."""
    return [*_change(), *_reset(), *_forgotten(), *_make_reset()]


def _forgotten() -> list[Row]:
    invalid, path = error("Invalid request Schema"), "/api/v1/auth/forgot"
    none = error("Forbidden, this server sends no mail")
    taken = ok({"message": "If the address has an account, a mail is on its way"})

    def row(case: str, status: int, body: Any, **sent: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("forgotPassword", case, "POST", path, NOBODY, status, body, sent)

    of_nobody, of_somebody = "<fresh>@school.example", "<student_email>"
    return [
        *by_mail(False, row("an address", 403, none, email=of_nobody)),
        *by_mail(
            True,
            row("an address of nobody", 200, taken, email=of_nobody),
            row("an address of somebody", 200, taken, email=of_somebody),
        ),
        row("address missing", 422, invalid),
        row("address null", 422, invalid, email=None),
        row("address empty", 422, invalid, email=""),
        row("address that is none", 422, invalid, email="ada"),
        row("address too long", 422, invalid, email=f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}"),
        row("address with NUL", 422, invalid, email="ada\0@school.example"),
    ]


def _reset() -> list[Row]:
    invalid = error("Invalid request Schema")
    refused = at("code", "Invalid or expired code")
    sent = {"code": "<code>", "newPassword": ANOTHER}

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] | None = None,
        **fields: Any,  # noqa: ANN401 - JSON
    ) -> Row:
        whole = {name: value for name, value in {**sent, **fields}.items() if value is not ...}
        path, by_admin = "/api/v1/auth/reset", given is not None
        return Row(
            *("resetPassword", case, "POST", path, NOBODY, status, body, whole, given),
            by_admin=by_admin,
        )

    done = ok({"message": "Password set"})
    return [
        # Where codes are mailed, only the person reads them.
        *by_mail(
            False,
            row("a code", 200, done, Scene.offer_reset),
            row("a code in other letters", 200, done, Scene.offer_reset_in_other_letters),
            row("a code that was used", 400, refused, Scene.offer_reset_and_use),
            row("a code that another has followed", 400, refused, Scene.offer_reset_twice),
            row("a code before another password", 400, refused, Scene.offer_reset_and_change),
        ),
        row("no code", 400, refused, code="<fresh>"),
        row("no text in a code", 400, refused, code=" - "),
        *[row(f"{name} missing", 422, invalid, None, **{name: ...}) for name in sent],
        *[row(f"{name} null", 422, invalid, None, **{name: None}) for name in sent],
        *[row(f"{name} empty", 422, invalid, None, **{name: ""}) for name in sent],
        row("code too long", 422, invalid, code="7" * 101),
        row("another of 73 bytes", 422, invalid, newPassword="a" * 73),
    ]


def _make_reset() -> list[Row]:
    def row(case: str, status: int, body: Any, at_: str) -> Row:  # noqa: ANN401 - JSON
        path = f"/api/v1/admin/people/{at_}/reset"
        given = Scene.employ
        return Row(
            "createReset", case, "POST", path, "admin", status, body, given=given, by_admin=True
        )

    made = ok({"code": CODE, "expiresAt": TIME, "mailed": False})
    mailed = ok({"code": None, "expiresAt": None, "mailed": True})
    return [
        *by_mail(False, row("somebody", 201, made, "<person_id>")),
        *by_mail(True, row("somebody with an address", 201, mailed, "<person_id>")),
        row("nobody", 404, error("User not found"), "<missing>"),
        row("no id", 404, error("User not found"), "x"),
    ]


def _change() -> list[Row]:
    invalid = error("Invalid request Schema")
    sent = {"password": PASSWORD, "newPassword": ANOTHER}
    changed = ok({"token": TOKEN})

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        given = {name: value for name, value in {**sent, **fields}.items() if value is not ...}
        path, leave = "/api/v1/auth/password", Scene.welcome_leaver
        return Row("changePassword", case, "POST", path, "leaver", status, body, given, leave)

    return [
        row("another password", 200, changed),
        *on("open", row("another of 6 characters", 200, changed, newPassword="secret")),
        row("another of 72 bytes", 200, changed, newPassword="é" * 36),
        row("the same password", 200, changed, newPassword=PASSWORD),
        row("wrong password", 400, at("password", "Invalid password"), password=ANOTHER),
        row("password too long", 400, at("password", "Invalid password"), password="x" * 73),
        *[row(f"{name} missing", 422, invalid, **{name: ...}) for name in sent],
        *[row(f"{name} null", 422, invalid, **{name: None}) for name in sent],
        *[row(f"{name} empty", 422, invalid, **{name: ""}) for name in sent],
        row("another of 5 characters", 422, invalid, newPassword="12345"),
        row("another of 73 bytes", 422, invalid, newPassword="a" * 73),
    ]


def by_mail(sends: bool, *found: Row) -> list[Row]:
    """Return rows that are for servers that send mail, or for those that do not."""
    return [replace(row, mail=sends) for row in found]


def at(field: str, message: str) -> dict[str, Any]:
    """Return the body of an error that names the field at fault."""
    return {**error(message), "errors": [{"field": field, "code": KEBAB, "message": message}]}
