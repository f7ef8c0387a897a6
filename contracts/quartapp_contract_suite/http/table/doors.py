"""The rows for servers on which not everybody may register, by the setting ``registration``."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.table.passwords import SCHOOL_WORD, UNFIT, at
from quartapp_contract_suite.http.table.rows import NOBODY, Row, error, ok, user
from quartapp_contract_suite.people import PASSWORD

SETTINGS = ("students", "invite", "closed")
UNFIT_OF_ADMIN = {word: why for word, why in UNFIT.items() if not word.startswith("Ada")}
UNFIT_OF_ADMIN["admin@2026"] = UNFIT["Ada#1815"]
CLASS_OF_ADMIN = "Organic Chemistry"
UNFIT_OF_ADMIN["Chemistry#10"] = SCHOOL_WORD


def door_rows(setting: str) -> list[Row]:
    """Return the rows of servers with a setting, which have one administrator.

    The administrator is a co-teacher of the class ``CLASS_OF_ADMIN``.

    ``<fresh>`` is a text of its own in each row, ``<admin_id>`` the id of the administrator, and
    ``<code>`` a one-time code for the administrator.
    """
    by_invitation = error("Forbidden, registration is by invitation")
    refusal = error("Forbidden, registration is closed") if setting == "closed" else by_invitation
    made = ok(user("ada", "<fresh>@school.example", "student"))
    students = (201, made) if setting == "students" else (403, refusal)
    return [
        _register("a teacher", 403, refusal),
        _register("a student", *students, role="student"),
        # A body that does not fit is told first.
        _register("address that is none", 422, error("Invalid request Schema"), email="ada"),
        *_unfit(setting),
        *_administration(),
        *_resets(),
        *_invite(setting),
        _login("nobody's address", email="<fresh>@school.example"),
        _login("nobody's username", username="<fresh>"),
    ]


def _unfit(setting: str) -> list[Row]:
    refused = [
        _change(f"new password {word}", at("newPassword", why), newPassword=word)
        for word, why in UNFIT_OF_ADMIN.items()
    ]
    if setting != "students":
        return refused
    return refused + [
        _register(f"password {word}", 400, at("password", why), role="student", password=word)
        for word, why in UNFIT.items()
    ]


def _administration() -> list[Row]:
    def row(
        operation: str,
        case: str,
        way: tuple[str, str],
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        sent: Any = None,  # noqa: ANN401 - JSON
    ) -> Row:
        method, where = way
        path = f"/api/v1/admin/people{where}"
        return Row(operation, case, method, path, "admin", status, body, sent)

    ada = {"name": "Ada", "email": "<fresh>@school.example", "role": "teacher"}
    last = error("the server needs another administrator first")
    password, role = ("PUT", "/<admin_id>/password"), ("PUT", "/<admin_id>/role")
    return [
        row("disablePerson", "the last administrator", ("POST", "/<admin_id>/disable"), 409, last),
        row("erasePerson", "the last administrator", ("POST", "/<admin_id>/erase"), 409, last),
        row("setRole", "of the last administrator", role, 409, last, {"role": "teacher"}),
        *(
            row(
                "createPerson",
                word,
                ("POST", ""),
                400,
                at("password", why),
                {**ada, "password": word},
            )
            for word, why in UNFIT.items()
        ),
        *(
            row("setPassword", word, password, 400, at("password", why), {"password": word})
            for word, why in UNFIT_OF_ADMIN.items()
        ),
    ]


def _resets() -> list[Row]:
    return [
        Row(
            *("resetPassword", word, "POST", "/api/v1/auth/reset", NOBODY, 400),
            *(at("newPassword", why), {"code": "<code>", "newPassword": word}),
        )
        for word, why in UNFIT_OF_ADMIN.items()
    ]


def _change(case: str, body: Any, **fields: str) -> Row:  # noqa: ANN401 - JSON
    path, sent = "/api/v1/auth/password", {"password": PASSWORD, **fields}
    return Row("changePassword", case, "POST", path, "admin", 400, body, sent)


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
