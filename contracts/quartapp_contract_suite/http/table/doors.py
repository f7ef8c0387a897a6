"""The rows for servers on which not everybody may register, by the setting ``registration``."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.table.rows import NOBODY, Row, error, ok, user
from quartapp_contract_suite.people import PASSWORD

SETTINGS = ("students", "invite", "closed")


def door_rows(setting: str) -> list[Row]:
    """Return the rows of servers with a setting; ``<fresh>`` is a text of its own in each row."""
    by_invitation = error("Forbidden, registration is by invitation")
    refusal = error("Forbidden, registration is closed") if setting == "closed" else by_invitation
    made = ok(user("ada", "<fresh>@school.example", "student"))
    students = (201, made) if setting == "students" else (403, refusal)
    return [
        _register("a teacher", 403, refusal),
        _register("a student", *students, role="student"),
        # A body that does not fit is told first.
        _register("address that is none", 422, error("Invalid request Schema"), email="ada"),
        *_invite(setting),
        _login("nobody's address", email="<fresh>@school.example"),
        _login("nobody's username", username="<fresh>"),
    ]


def _invite(setting: str) -> list[Row]:
    if setting != "closed":
        return []
    closed = error("Forbidden, registration is closed")
    path = "/api/v1/admin/invitations"
    sent = {"role": "teacher"}
    return [Row("createInvitation", "of no use", "POST", path, "admin", 403, closed, sent)]


def _register(case: str, status: int, body: Any, **fields: str) -> Row:  # noqa: ANN401 - JSON
    good = {"name": "Ada", "email": "<fresh>@school.example", "password": PASSWORD}
    sent = {**good, "role": "teacher", **fields}
    return Row("registerUser", case, "POST", "/api/v1/auth/register", NOBODY, status, body, sent)


def _login(case: str, **who: str) -> Row:
    sent = {**who, "password": PASSWORD}
    wrong = error("Invalid email or password")
    return Row("login", case, "POST", "/api/v1/auth/login", NOBODY, 400, wrong, sent)
