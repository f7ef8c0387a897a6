"""Every operation gives the answers of the table to the letter; see the folder ``table``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.operations import PARAMETER, Operation, methods, operations
from quartapp_contract_suite.http.scene import Cast, Scene, forged_tokens, token_of_deleted_account
from quartapp_contract_suite.http.table.rows import Row, error, plain_error
from quartapp_contract_suite.http.table.table import rows
from quartapp_contract_suite.people import PASSWORD

if TYPE_CHECKING:
    import httpx

    from quartapp_contract_suite.people import People, Person

OPERATIONS = operations()
GUARDED = [operation for operation in OPERATIONS if operation.role != "public"]
ROLE_BOUND = [operation for operation in GUARDED if operation.role != "any"]
WITH_TEXTS = [one for one in OPERATIONS if one.query or PARAMETER.search(one.template)]
INVITING = (Scene.invite, Scene.invite_and_use, Scene.invite_and_revoke)
WITH_BODY = [operation for operation in OPERATIONS if operation.has_body]
PATHS = {operation.template: operation.path for operation in OPERATIONS}
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODY_LIMIT = 64 * 1024

# Bodies that are no valid JSON object.
MALFORMED = {
    "nothing": b"",
    "a half": b'{"name": ',
    "no object": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a lone surrogate": b'{"className": "abc\\ud800"}',
    "a number that is none": b'{"className": NaN}',
    "nested without end": b"[" * 10_000,
    "twice": b"{}{}",
}

# Texts that a database, a pattern, a path or a line of a log may read as something else.
ODD_TEXTS = {
    **{f"U+{number:04X}": chr(number) for number in (*range(33), 127, 128, 133, 160)},
    **{f"U+{number:04X}": chr(number) for number in (0x2028, 0xFEFF, 0xFFFD, 0xFFFF, 0x10FFFF)},
    **{mark: mark for mark in "$.*+?^|\\()[]{}/#&=%\"'`;:<>,~!@-_"},
    "a class": "[[:<:]]",
    "an operator": "{$ne: 1}",
    "an option": "(?i)",
    "a quotation": "\\Q\\E",
    "a way up": "../..",
}


@pytest.fixture(scope="module")
def cast(people: People, admin: Person | None) -> Cast:
    """Return the people of all rows."""
    return Cast(people, admin)


@pytest.fixture
def scene(cast: Cast, base_url: str) -> Scene:
    """Return the surroundings of one row."""
    return Scene(cast, base_url)


def assert_error(answer: httpx.Response, status: int, message: str) -> None:
    """Assert that ``answer`` is the error with this status and message, and nothing else."""
    body = answer.json()
    base = f"{answer.url.path}/".startswith("/api/v1/")
    expected = error(message) if base else plain_error(message)
    assert (answer.status_code, mismatch(expected, body)) == (status, None), answer.text
    assert body.get("requestId", ...) in (..., answer.headers["x-request-id"])
    assert answer.headers["content-type"] == "application/json"


def who_asks(operation: Operation, *more: object, name: str = "") -> object:
    """Return the parameters of a test that asks as somebody who may call the operation."""
    marks = [pytest.mark.needs_admin] if operation.role == "admin" else []
    return pytest.param(operation, *more, marks=marks, id=name or str(operation))


def marks_of(row: Row) -> list[pytest.MarkDecorator]:
    """Return what a row needs of the server."""
    marks = [pytest.mark.needs_admin] if row.by_admin else []
    if row.given in INVITING:
        marks.append(pytest.mark.needs_registration)
    if row.registration is not None:
        marks.append(pytest.mark.registration(row.registration))
    if row.mail is not None:
        marks.append(pytest.mark.mail(row.mail))
    return marks


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=marks_of(row), id=str(row)) for row in rows()],
)
def test_answer_is_as_the_table_says(row: Row, scene: Scene) -> None:
    if row.given is not None:
        row.given(scene)
    headers = scene.cast.named(row.who).headers if row.who else {}
    sent = {} if row.json is ... else {"json": scene.filled(row.json)}

    answer = scene.people.http.request(row.method, scene.filled(row.path), headers=headers, **sent)

    assert answer.status_code == row.status, f"{row.status} was expected: {answer.text}"
    assert {name: answer.headers.get(name) for name in row.headers} == dict(row.headers)
    if isinstance(row.body, str):
        assert answer.text.lstrip().lower().startswith(row.body.lower())
    else:
        assert mismatch(filled(scene, row.body), answer.json()) is None, answer.text
        assert PASSWORD not in answer.text


def filled(scene: Scene, expected: object) -> object:
    """Return ``expected`` with the meanings of the scene's words; patterns stay."""
    from quartapp_contract_suite.http.matching import Holding

    if isinstance(expected, Holding):
        return Holding(tuple(filled(scene, entry) for entry in expected.entries))
    if isinstance(expected, dict):
        return {scene.filled(key): filled(scene, value) for key, value in expected.items()}
    if isinstance(expected, list):
        return [filled(scene, value) for value in expected]
    return scene.filled(expected)


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_request_without_token_is_refused(operation: Operation, people: People) -> None:
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}):
        answer = people.http.request(operation.method, operation.path, headers=headers)

        assert_error(answer, 401, "please send jwt token")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_a_bad_token_is_refused(
    operation: Operation, people: People, cast: Cast, jwt_secret: str | None
) -> None:
    for flaw, token in forged_tokens(jwt_secret, cast.teacher).items():
        headers = {"Authorization": f"Bearer {token}"}
        answer = people.http.request(operation.method, operation.path, headers=headers)

        assert answer.status_code == 401, flaw
        assert_error(answer, 401, "Unauthorized, token missing or invalid")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_case_of_the_scheme_does_not_matter(scheme: str, people: People, cast: Cast) -> None:
    headers = {"Authorization": f"{scheme} {cast.teacher.token}"}

    assert people.http.get("/api/v1/auth/me", headers=headers).status_code == 200


@pytest.mark.parametrize("operation", ROLE_BOUND, ids=str)
def test_wrong_role_is_refused_before_body_and_path_are_checked(
    operation: Operation, people: People, cast: Cast
) -> None:
    wrong = cast.student if operation.role == "teacher" else cast.teacher

    # The body is invalid, and the class of the path does not exist.
    answer = people.http.request(
        operation.method, operation.path, headers=wrong.headers, content=b"{"
    )

    assert_error(answer, 403, f"Forbidden, {operation.role} access required")


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        who_asks(operation, what, name=f"{operation}-{what}")
        for operation in WITH_BODY
        for what in MALFORMED
        if what != "nothing" or operation.body_required
    ],
)
def test_a_malformed_body_is_the_operations_own_validation_error(
    operation: Operation, what: str, people: People, cast: Cast
) -> None:
    headers = {**authorization(operation, cast), "Content-Type": "application/json"}

    answer = people.http.request(
        operation.method, operation.path, headers=headers, content=MALFORMED[what]
    )

    assert_error(answer, *operation.invalid)


@pytest.mark.parametrize("operation", [*map(who_asks, WITH_TEXTS)])
def test_no_text_in_a_path_or_a_query_is_a_server_error(
    operation: Operation, people: People, cast: Cast
) -> None:
    headers = authorization(operation, cast)

    for what, odd in ODD_TEXTS.items():
        for text in (odd, f"a{odd}b"):
            filled_in = PARAMETER.sub(quote(text, safe=""), operation.template)
            asked = {operation.template: filled_in} if filled_in != operation.template else {}
            asked |= {
                name: f"{operation.path}?{urlencode({name: text})}" for name in operation.query
            }
            for where, path in asked.items():
                answer = people.http.request(operation.method, path, headers=headers)

                assert answer.status_code < 500, f"{what} in {where}: {answer.text}"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
@pytest.mark.parametrize("operation", [*map(who_asks, WITH_BODY)])
def test_another_content_type_is_the_operations_own_validation_error(
    operation: Operation, content_type: str | None, people: People, cast: Cast
) -> None:
    body = {
        "name": "Ada",
        "email": cast.teacher.email,
        "password": PASSWORD,
        "role": "teacher",
        "className": "Logic",
        "studentId": cast.student.id,
    }
    headers = authorization(operation, cast)
    if content_type is not None:
        headers["Content-Type"] = content_type

    answer = people.http.request(
        operation.method, operation.path, headers=headers, content=json.dumps(body).encode()
    )

    assert_error(answer, *operation.invalid)


@pytest.mark.parametrize("operation", [*map(who_asks, WITH_BODY)])
def test_a_body_of_more_than_64_kib_is_too_large(
    operation: Operation, people: People, cast: Cast
) -> None:
    headers = {**authorization(operation, cast), "Content-Type": "application/json"}

    def send(length: int) -> httpx.Response:
        # Where no member is required, a member of the wrong type makes the body invalid.
        begin, end = b'{"until": "x", "dryRun": "', b'"}'
        body = begin + b"x" * (length - len(begin) - len(end)) + end
        return people.http.request(operation.method, operation.path, headers=headers, content=body)

    assert_error(send(BODY_LIMIT), *operation.invalid)
    assert_error(send(BODY_LIMIT + 1), 413, "Payload Too Large")


@pytest.mark.parametrize("template", PATHS)
def test_a_method_that_the_path_does_not_have_is_refused(
    template: str, people: People, openapi: dict[str, Any]
) -> None:
    path = PATHS[template]
    # A plugin may bring a further method.
    allowed = methods(openapi["paths"][template])
    allowed |= {"HEAD"} if "GET" in allowed else set()
    for method in EVERY_METHOD:
        if method in allowed:
            continue
        answer = people.http.request(method, path)

        assert answer.status_code == 405, method
        if method != "HEAD":
            assert_error(answer, 405, "Method Not Allowed")
        assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/api/v1", "/api/v1/class/", "/api/v1//class", "/api/v1/class/x/y"]
)
def test_unknown_path_is_not_found(path: str, people: People) -> None:
    assert_error(people.http.get(path), 404, "Not Found")


@pytest.mark.needs_jwt_secret
def test_deleted_account_is_not_found(people: People, jwt_secret: str) -> None:
    headers = {"Authorization": f"Bearer {token_of_deleted_account(jwt_secret)}"}

    assert_error(people.http.get("/api/v1/auth/me", headers=headers), 404, "User not found")


def test_a_repeated_start_leaves_the_marks_as_they_are(scene: Scene) -> None:
    headers = scene.cast.teacher.headers
    scene.mark()
    before = scene.people.http.get("/api/v1/attendance/session", headers=headers).json()

    scene.start()

    assert scene.people.http.get("/api/v1/attendance/session", headers=headers).json() == before


def test_walking_the_students_page_by_page_finds_each_once(scene: Scene, registration: str) -> None:
    path, headers = "/api/v1/class/students", scene.cast.teacher.headers
    found: list[str] = []
    query = {"limit": 500}
    while (answer := scene.people.http.get(path, params=query, headers=headers)).status_code == 200:
        page = [student["_id"] for student in answer.json()["data"]]
        assert len(page) <= 500
        # A list that began anew behind each page would have no end.
        assert not set(page) & set(found), "a page has students of a page before"
        found += page
        query = {"limit": 500, "after": page[-1]}

    assert_error(answer, 404, "No students found")
    assert found == sorted(set(found))
    seen = {scene.cast.student.id}
    if registration == "open":
        seen.add(scene.cast.outsider.id)
    assert seen <= set(found)


def authorization(operation: Operation, cast: Cast) -> dict[str, str]:
    """Return the headers of a person who may call ``operation``."""
    if operation.role == "public":
        return {}
    name = operation.role if operation.role in ("student", "admin") else "teacher"
    return dict(cast.named(name).headers)
