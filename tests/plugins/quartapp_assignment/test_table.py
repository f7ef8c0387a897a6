"""Every row of the dialect, and in which order it looks at what may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

FITS = {"name": "Emmy Noether", "email": "emmy@school.example", "password": "123456"}
INVALID = (400, "Invalid request schema")
NOT_A_TEACHER = (403, "Forbidden, teacher access required")
NOT_A_STUDENT = (403, "Forbidden, student access required")
NOT_OWNER = (403, "Forbidden, not class teacher")
NO_CLASS = (404, "Class not found")
NO_STUDENT = (404, "Student not found")
UNAUTHORIZED = (401, "Unauthorized, token missing or invalid")
GRACE = {"_id": "<enrolled>", "name": "Grace Hopper", "email": "<enrolled email>"}
ASA = {"_id": "<student>", "name": "Åsa ÖSTLUND", "email": "<student email>"}
THIRD = {"_id": "<third>", "name": "Third", "email": "<third email>"}


@dataclass(frozen=True)
class Row:
    """A request, and its answer: ``data`` of a success, the message of an error."""

    who: str | None
    request: str
    body: Any
    status: int
    answer: Any


def refused(who, request, body, refusal):
    return Row(who, request, body, *refusal)


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


STUDENT = {**FITS, "role": "student"}
ADDED = {"_id": "<class>", "className": "Mathematics", "teacherId": "<owner>"}
DETAILS = {**ADDED, "students": [GRACE]}
ADD = "POST /class/<class>/add-student"
ADD_NOWHERE = "POST /class/<nobody>/add-student"
START = "POST /attendance/start"
MINE = "GET /class/<class>/my-attendance"

SIGN_UP = [
    *(refused(None, "POST /auth/signup", without(STUDENT, name), INVALID) for name in STUDENT),
    *(
        refused(None, "POST /auth/signup", {**STUDENT, **wrong}, INVALID)
        for wrong in (
            {"name": " "},
            {"name": 1},
            {"name": "n" * 101},
            {"email": "emmy"},
            {"email": None},
            {"password": "12345"},
            {"password": "é" * 37},
            {"role": "admin"},
            {"role": "Teacher"},
        )
    ),
    refused(
        None,
        "POST /auth/signup",
        {**STUDENT, "email": " <OWNER EMAIL> "},
        (400, "Email already exists"),
    ),
]
LOGIN = [
    refused(None, "POST /auth/login", {"email": "<owner email>"}, INVALID),
    refused(None, "POST /auth/login", {"password": "123456"}, INVALID),
    refused(None, "POST /auth/login", {"email": "x", "password": "123456"}, INVALID),
    refused(None, "POST /auth/login", {"email": "<owner email>", "password": ""}, INVALID),
    refused(
        None,
        "POST /auth/login",
        {"email": "nobody@school.example", "password": "123456"},
        (400, "Invalid email or password"),
    ),
    refused(
        None,
        "POST /auth/login",
        {"email": "<owner email>", "password": "é" * 50},
        (400, "Invalid email or password"),
    ),
]
ME = [
    Row(
        "owner",
        "GET /auth/me",
        None,
        200,
        {"_id": "<owner>", "name": "Ada Lovelace", "email": "<owner email>", "role": "teacher"},
    ),
    Row("student", "GET /auth/me", None, 200, {**ASA, "role": "student"}),
    refused(None, "GET /auth/me", None, UNAUTHORIZED),
]
CREATE = [
    # One thing less is wrong in each.
    refused(None, "POST /class", {"className": ""}, UNAUTHORIZED),
    refused("student", "POST /class", {"className": ""}, NOT_A_TEACHER),
    refused("owner", "POST /class", {"className": ""}, INVALID),
    refused("owner", "POST /class", {"className": " MATHEMATICS "}, (409, "class already exist")),
    refused("owner", "POST /class", {}, INVALID),
    refused("owner", "POST /class", {"className": " \t"}, INVALID),
    refused("owner", "POST /class", {"className": 7}, INVALID),
    refused("owner", "POST /class", {"className": "n" * 101}, INVALID),
]
ADD_STUDENT = [
    refused(None, ADD_NOWHERE, {"studentId": "x"}, UNAUTHORIZED),
    refused("student", ADD_NOWHERE, {"studentId": "x"}, NOT_A_TEACHER),
    refused("teacher", ADD_NOWHERE, {"studentId": "x"}, INVALID),
    refused("teacher", ADD_NOWHERE, {"studentId": "<nobody>"}, NO_CLASS),
    refused("teacher", ADD, {"studentId": "<nobody>"}, NOT_OWNER),
    refused("owner", ADD, {"studentId": "<nobody>"}, NO_STUDENT),
    refused("owner", ADD, {"studentId": "<teacher>"}, NO_STUDENT),
    refused("owner", ADD, {}, INVALID),
    refused("owner", ADD, {"studentId": None}, INVALID),
    refused("owner", "POST /class/x/add-student", {"studentId": "<student>"}, NO_CLASS),
    Row(
        "owner",
        ADD,
        {"studentId": "<student>"},
        200,
        {**ADDED, "studentIds": ["<enrolled>", "<student>"]},
    ),
    Row(
        "owner",
        ADD,
        {"studentId": "<enrolled>"},
        200,
        {**ADDED, "studentIds": ["<enrolled>", "<student>"]},
    ),
    Row("student", "GET /class/<class>", None, 200, {**ADDED, "students": [GRACE, ASA]}),
]
GET_CLASS = [
    Row("owner", "GET /class/<class>", None, 200, DETAILS),
    Row("enrolled", "GET /class/<class>", None, 200, DETAILS),
    refused(None, "GET /class/<nobody>", None, UNAUTHORIZED),
    refused("teacher", "GET /class/<nobody>", None, NO_CLASS),
    refused("student", "GET /class/x", None, NO_CLASS),
    # Names of base routes are names of nothing here.
    refused("owner", "GET /class/students", None, NO_CLASS),
    refused("teacher", "GET /class/<class>", None, NOT_OWNER),
    refused("student", "GET /class/<class>", None, NOT_OWNER),
]
STUDENTS = [
    refused(None, "GET /students", None, UNAUTHORIZED),
    refused("student", "GET /students", None, NOT_A_TEACHER),
    Row("teacher", "GET /students", None, 200, [GRACE, ASA, THIRD]),
]
MY_ATTENDANCE = [
    refused(None, "GET /class/<nobody>/my-attendance", None, UNAUTHORIZED),
    refused("owner", "GET /class/<nobody>/my-attendance", None, NOT_A_STUDENT),
    refused("enrolled", "GET /class/<nobody>/my-attendance", None, NO_CLASS),
    refused("enrolled", "GET /class/x/my-attendance", None, NO_CLASS),
    refused("owner", MINE, None, NOT_A_STUDENT),
    refused("student", MINE, None, (403, "Forbidden, not enrolled in class")),
    Row("enrolled", MINE, None, 200, {"classId": "<class>", "status": None}),
]
START_ATTENDANCE = [
    refused(None, START, {"classId": "x"}, UNAUTHORIZED),
    refused("enrolled", START, {"classId": "x"}, NOT_A_TEACHER),
    refused("teacher", START, {"classId": "x"}, INVALID),
    refused("teacher", START, {"classId": "<nobody>"}, NO_CLASS),
    refused("teacher", START, {"classId": "<class>"}, NOT_OWNER),
    # The base would find it by its name.
    refused("owner", START, {"className": "Mathematics"}, INVALID),
    refused("owner", START, {"classId": None}, INVALID),
]
TABLE = {
    "signup": SIGN_UP,
    "login": LOGIN,
    "me": ME,
    "create": CREATE,
    "add-student": ADD_STUDENT,
    "class": GET_CLASS,
    "students": STUDENTS,
    "my-attendance": MY_ATTENDANCE,
    "start": START_ATTENDANCE,
}


@pytest.mark.parametrize("operation", TABLE)
async def test_each_row_is_answered_as_the_dialect_says(school, operation):
    at = await school()
    at.words["OWNER EMAIL"] = at.words["owner email"].upper()
    for row in TABLE[operation]:
        answer = await at.ask(row.who, *row.request.split(" ", 1), row.body)
        if row.status < 400:
            expected = {"success": True, "data": at.filled(row.answer)}
        else:
            expected = {"success": False, "error": row.answer}
        assert (answer.status_code, answer.json()) == (row.status, expected), row


@pytest.mark.parametrize(
    ("who", "path", "field"),
    [
        (None, "/auth/signup", "name"),
        (None, "/auth/login", "email"),
        ("owner", "/class", "className"),
        ("owner", "/class/<class>/add-student", "studentId"),
        ("owner", "/attendance/start", "classId"),
    ],
)
async def test_body_that_is_no_json_object_is_refused(school, who, path, field):
    at = await school()
    json = {"Content-Type": "application/json"}
    token = {"Authorization": at.people[who].token} if who else {}
    fitting = b'{"%s": "%s"}' % (field.encode(), at.class_id.encode())
    for headers, content in (
        (json, b""),
        (json, b"{"),
        (json, b"[]"),
        (json, b"null"),
        (json, b'{"%s": "\xff"}' % field.encode()),
        (json, b'{"%s": "\\ud800"}' % field.encode()),
        ({}, b""),
        ({"Content-Type": "text/plain"}, fitting),
    ):
        answer = await at.server.api.post(
            at.server.url + at.filled(path), content=content, headers={**headers, **token}
        )
        error = {"success": False, "error": "Invalid request schema"}
        assert (answer.status_code, answer.json()) == (400, error), (headers, content)


async def test_a_person_signs_up_and_in_and_is_called_as_they_typed(school):
    at = await school()
    account = {**FITS, "name": " Emmy NOETHER ", "email": "Emmy@School.example"}
    made = await at.ask(None, "POST", "/auth/signup", {**account, "role": "teacher", "age": 9})
    assert made.status_code == 201
    user = made.json()["data"]
    assert user == {
        "_id": user["_id"],
        "name": "Emmy NOETHER",
        "email": "emmy@school.example",
        "role": "teacher",
    }
    signed_in = await at.ask(
        None, "POST", "/auth/login", {"email": account["email"], "password": account["password"]}
    )
    assert signed_in.status_code == 200
    assert list(signed_in.json()["data"]) == ["token"]
    wrong = await at.ask(
        None, "POST", "/auth/login", {"email": account["email"], "password": "1234567"}
    )
    error = {"success": False, "error": "Invalid email or password"}
    assert (wrong.status_code, wrong.json()) == (400, error)


async def test_a_class_name_may_have_one_character(school):
    at = await school()
    made = await at.ask("owner", "POST", "/class", {"className": " x "})
    room = made.json()["data"]
    assert (made.status_code, room) == (
        201,
        {"_id": room["_id"], "className": "x", "teacherId": at.words["owner"], "studentIds": []},
    )
    longest = await at.ask("owner", "POST", "/class", {"className": "n" * 100})
    assert longest.status_code == 201
    again = await at.ask("owner", "POST", "/class", {"className": "X"})
    assert (again.status_code, again.json()["error"]) == (409, "class already exist")
    someone_elses = await at.ask("teacher", "POST", "/class", {"className": "X"})
    assert someone_elses.status_code == 201
    refused = await at.base("owner", "POST", "/class", {"className": "y"})
    assert refused.status_code == 400


async def test_empty_list_of_students_is_answered(serve):
    server = await serve(extra_plugins=("assignment",))
    teacher = await server.person("teacher")
    answer = await server.api.get(f"{server.url}/students", headers=teacher.headers)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": []})


async def test_an_account_that_is_gone_has_no_valid_token(school):
    at = await school()
    await at.server.documents["users"].delete_one({"email": at.words["owner email"]})
    answer = await at.ask("owner", "GET", "/auth/me")
    error = {"success": False, "error": "Unauthorized, token missing or invalid"}
    assert (answer.status_code, answer.json()) == (401, error)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_root_has_the_envelopes_of_the_base(school):
    at = await school()
    lost = await at.ask(None, "GET", "/auth/register")
    assert (lost.status_code, lost.json()) == (404, {"success": False, "error": "Not Found"})
    wrong = await at.ask(None, "GET", "/auth/signup")
    error = {"success": False, "error": "Method Not Allowed"}
    assert (wrong.status_code, wrong.json(), wrong.headers["Allow"]) == (405, error, "POST")
    large = await at.ask("owner", "POST", "/class", {"className": "n" * 70_000})
    error = {"success": False, "error": "Payload Too Large"}
    assert (large.status_code, large.json()) == (413, error)
