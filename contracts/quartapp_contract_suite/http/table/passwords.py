"""The rows of passwords: their change, and which ones are good enough."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.matching import TOKEN
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import KEBAB, Row, error, ok
from quartapp_contract_suite.people import PASSWORD

ANOTHER = "difference-engine"
TOO_SHORT = "Password has to have 8 characters or more"
TOO_COMMON = "Password is one of the most common ones"
OF_THE_PERSON = "Password is the name, address or username of the account"
OF_THE_SCHOOL = "Password is the name of the school or of this program"
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
    invalid = error("Invalid request Schema")
    sent = {"password": PASSWORD, "newPassword": ANOTHER}
    changed = ok({"token": TOKEN})

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        given = {name: value for name, value in {**sent, **fields}.items() if value is not ...}
        path, leave = "/api/v1/auth/password", Scene.welcome_leaver
        return Row("changePassword", case, "POST", path, "leaver", status, body, given, leave)

    return [
        row("another password", 200, changed),
        row("another of 6 characters", 200, changed, newPassword="secret"),
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


def at(field: str, message: str) -> dict[str, Any]:
    """Return the body of an error that names the field at fault."""
    return {**error(message), "errors": [{"field": field, "code": KEBAB, "message": message}]}
