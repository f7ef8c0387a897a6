"""The rows for paths under /auth."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.matching import ANY_OBJECT, ID, TICKET, TIME, TOKEN
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import NOBODY, Row, error, ok, on, user
from quartapp_contract_suite.people import PASSWORD


def account_rows() -> list[Row]:
    """Return the rows."""
    return [
        *_register(),
        *_login(),
        *_me(),
        *_export(),
        *_refresh(),
        *_ticket(),
        *_logout(),
    ]


def _register() -> list[Row]:
    path = "/api/v1/auth/register"
    good = {
        "name": "Ada Lovelace",
        "email": "<fresh>@school.example",
        "password": "secret",
        "role": "teacher",
    }
    invalid = error("Invalid request Schema")

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {name: value for name, value in {**good, **fields}.items() if value is not ...}
        made = Row("registerUser", case, "POST", path, NOBODY, status, body, sent)
        # What does not fit is refused everywhere.
        return made if status == 422 else on("open", made)[0]

    made = ok(user("ada lovelace", "<fresh>@school.example", "teacher"))
    return [
        row("a teacher", 201, made),
        row(
            "a student",
            201,
            ok(user("ada lovelace", "<fresh>@school.example", "student")),
            role="student",
        ),
        row("name is trimmed and lower-cased", 201, made, name=" \tAda LOVELACE\u2003"),
        row("address is trimmed and lower-cased", 201, made, email=" <fresh>@SCHOOL.Example "),
        row("further fields are ignored", 201, made, admin=True, _id="x"),
        row(
            "name of 100 characters",
            201,
            ok(user("é" * 100, "<fresh>@school.example", "teacher")),
            name="É" * 100,
        ),
        row("password of 72 bytes", 201, made, password="é" * 36),
        row("address that is taken", 403, error("Email already exists"), email="<teacher_email>"),
        row(
            "address that is taken, in capitals",
            403,
            error("Email already exists"),
            email="<TEACHER_EMAIL>",
        ),
        *[
            row(f"{name} missing", 422, invalid, **{name: ...})
            for name in ("name", "email", "password", "role")
        ],
        *[
            row(f"{name} null", 422, invalid, **{name: None})
            for name in ("name", "email", "password", "role")
        ],
        row("name blank", 422, invalid, name=" \u00a0\n"),
        row("name of 101 characters", 422, invalid, name="a" * 101),
        row("name no string", 422, invalid, name=5),
        row("address without an at", 422, invalid, email="school.example"),
        row("address without a dot", 422, invalid, email="a@school"),
        row(
            "address of 254 characters, 64 of them before the at",
            201,
            ok(user("ada lovelace", _address(64, 254), "teacher")),
            email=_address(64, 254),
        ),
        row("address of 255 characters", 422, invalid, email=_address(64, 255)),
        row("address with 65 characters before the at", 422, invalid, email=_address(65, 100)),
        row("address of 60,000 characters", 422, invalid, email="a" * 59_987 + "@school.example"),
        row("address with a space", 422, invalid, email="a b@school.example"),
        row("password of 5 characters", 422, invalid, password="12345"),  # noqa: S106 - not one
        row("password of 73 bytes", 422, invalid, password="a" * 73),
        row("password of 37 characters in 74 bytes", 422, invalid, password="é" * 37),
        row("a third role", 422, invalid, role="admin"),
        row("role in capitals", 422, invalid, role="Teacher"),
    ]


def _address(local: int, length: int) -> str:
    """Return a fresh address with a length before the at, and a length in all."""
    end = "@" + ("b" * 60 + ".") * 4 + "school.example"
    start = "<fresh>" + "a" * (local - 32)
    return f"{start}@{end[local + 1 - length :]}"


def _login() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        made = Row("login", case, "POST", "/api/v1/auth/login", NOBODY, status, body, sent)
        return on("open", made)[0] if status == 404 else made

    invalid = error("Invalid request Schema")
    wrong = error("Invalid email or password")
    token = ok({"token": TOKEN})
    mail = "<teacher_email>"
    return [
        row("a teacher", 200, token, {"email": mail, "password": PASSWORD}),
        row("a student", 200, token, {"email": "<student_email>", "password": PASSWORD}),
        row(
            "address in capitals, with spaces",
            200,
            token,
            {"email": " <TEACHER_EMAIL> ", "password": PASSWORD},
        ),
        row(
            "nobody's address",
            404,
            error("User not found"),
            {"email": "<fresh>@school.example", "password": PASSWORD},
        ),
        row("wrong password", 400, wrong, {"email": mail, "password": "another one"}),
        row("password in capitals", 400, wrong, {"email": mail, "password": PASSWORD.upper()}),
        row("password too short for any account", 400, wrong, {"email": mail, "password": "x"}),
        row("password too long for any account", 400, wrong, {"email": mail, "password": "x" * 73}),
        row(
            "address decides where there is a username too",
            200,
            token,
            {"email": mail, "username": "<fresh>", "password": PASSWORD},
        ),
        row(
            "nobody's username",
            404,
            error("User not found"),
            {"username": "<fresh>", "password": PASSWORD},
        ),
        row("email and username missing", 422, invalid, {"password": PASSWORD}),
        row("username null", 422, invalid, {"username": None, "password": PASSWORD}),
        row("username of spaces", 422, invalid, {"username": "  ", "password": PASSWORD}),
        row("username an address", 422, invalid, {"username": mail, "password": PASSWORD}),
        row("username too long", 422, invalid, {"username": "u" * 101, "password": PASSWORD}),
        row("password missing", 422, invalid, {"email": mail}),
        row("password empty", 422, invalid, {"email": mail, "password": ""}),
        row("password no string", 422, invalid, {"email": mail, "password": 123456}),
        row("email no address", 422, invalid, {"email": "ada", "password": PASSWORD}),
    ]


def _me() -> list[Row]:
    def row(case: str, who: str, body: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("getMe", case, "GET", "/api/v1/auth/me", who, 200, body)

    return [
        row("a teacher", "teacher", ok(user("ada lovelace", "<teacher_email>", "teacher"))),
        row("a student", "student", ok(user("grace hopper", "<student_email>", "student"))),
    ]


def _export() -> list[Row]:
    kept = {"id": ID, "at": TIME, "kept": ANY_OBJECT}
    return [
        Row("exportMyData", f"of a {who}", "GET", "/api/v1/me/export", who, 200, ok(kept))
        for who in ("teacher", "student")
    ]


def _refresh() -> list[Row]:
    path = "/api/v1/auth/refresh"
    return [
        Row("refreshToken", f"a {who}", "POST", path, who, 200, ok({"token": TOKEN}))
        for who in ("teacher", "student")
    ]


def _ticket() -> list[Row]:
    path = "/api/v1/auth/ticket"
    return [
        Row("createTicket", f"a {who}", "POST", path, who, 200, ok({"ticket": TICKET}))
        for who in ("teacher", "student")
    ]


def _logout() -> list[Row]:
    return [
        Row(
            operation,
            "a student",
            "POST",
            f"/api/v1/auth/{path}",
            "leaver",
            200,
            ok({"message": "Signed out"}),
            given=Scene.welcome_leaver,
        )
        for operation, path in (("logout", "logout"), ("logoutAll", "logout-all"))
    ]
