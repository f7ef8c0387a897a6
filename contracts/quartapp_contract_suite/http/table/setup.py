"""The rows of the set-up, which is over on every server that a run can test: it has people."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.table.rows import NOBODY, Row, error
from quartapp_contract_suite.people import PASSWORD


def setup_rows() -> list[Row]:
    """Return the rows."""
    invalid = error("Invalid request Schema")
    refused = error("Forbidden, no set-up with this code")
    good = {
        "code": "7K2M-9QXD-04TB-VN8E-H3WA-RC5Y-6F",
        "name": "Ada Lovelace",
        "email": "<fresh>@school.example",
        "password": PASSWORD,
    }

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {name: value for name, value in {**good, **fields}.items() if value is not ...}
        return Row("setUp", case, "POST", "/api/v1/auth/setup", NOBODY, status, body, sent)

    return [
        row("a code", 403, refused),
        row("address that is taken", 403, refused, email="<teacher_email>"),
        row("no text in a code", 403, refused, code=" - "),
        row("a NUL in a code", 403, refused, code="\0"),
        # Whether a password is good enough is told to the operator alone.
        row("a common password", 403, refused, password="sunshine"),  # noqa: S106 - not one
        *[row(f"{name} missing", 422, invalid, **{name: ...}) for name in good],
        *[row(f"{name} null", 422, invalid, **{name: None}) for name in good],
        *[row(f"{name} empty", 422, invalid, **{name: ""}) for name in good],
        row("code too long", 422, invalid, code="7" * 101),
        row("code no string", 422, invalid, code=7),
        row("name of 101 characters", 422, invalid, name="a" * 101),
        row("address without an at", 422, invalid, email="school.example"),
        row("password of 73 bytes", 422, invalid, password="a" * 73),
    ]
