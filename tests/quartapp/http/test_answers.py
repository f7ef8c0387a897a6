"""Every source of errors that any route can answer, and the one envelope they come in."""

from __future__ import annotations

import base64
import json
import signal
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import structlog
from quart import Blueprint

from quartapp.errors import DomainError
from quartapp.hooks.specs import hookimpl
from quartapp.http.declaration import Refusal
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.settings.core import Settings
from quartapp.testing.servers import SECRET

INVALID_TOKEN = "Unauthorized, token missing or invalid"


# Outside the base path; clients of routes there were promised two members and no others.
PLAIN = frozenset(
    {"/", "/nowhere", "/api//v1/auth/me", "/healthz/", "/static/x", "/%00", "/\x00", "/readyz"}
)


def refusal(answer):
    """Status and message of a refusal, which is nothing but its envelope."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    further = {"code", "requestId"} if answer.url.path not in PLAIN else set()
    further |= {"errors"} if body["error"].lower() == "invalid request schema" else set()
    assert body.keys() == {"success", "error"} | further
    assert body["success"] is False
    assert body.get("requestId", ...) in (..., answer.headers["x-request-id"])
    return answer.status_code, body["error"]


class Breaking:
    """A route with a bug."""

    name = "breaking"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("breaking", __name__)

        @blueprint.get("/breaking")
        @Operation(id="getBroken", access=PUBLIC, tags=("breaking",), data=dict[str, str])
        async def broken():
            raise LookupError("s3cret internals of the server")

        return [blueprint]


class FullError(DomainError):
    """A refusal for a time that the caller chooses."""

    def __init__(self, retry_after):
        self.retry_after = retry_after


class Waiting:
    """Routes that refuse for a time."""

    name = "waiting"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("waiting", __name__)
        for status in (409, 429):

            async def view(seconds):
                raise FullError(None if seconds == "none" else float(seconds))

            operation = Operation(
                id=f"wait{status}",
                access=PUBLIC,
                tags=("waiting",),
                data=dict[str, str],
                errors={FullError: Refusal(status, "The shelf is full")},
            )
            path = f"/{status}/<seconds>"
            blueprint.add_url_rule(path, f"wait{status}", operation(view))
        return [blueprint]


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/409/none", None), ("/409/0.2", "1"), ("/409/0", "1"), ("/409/59.1", "60"),
        ("/429/none", "2"), ("/429/7", "7"),
    ],
)  # fmt: skip
async def test_error_with_a_time_has_that_time_in_the_answer(serve, path, seconds):
    server = await serve(beside=[Waiting()])
    answer = await server.api.get(server.url + path)
    assert refusal(answer) == (int(path[1:4]), "The shelf is full")
    assert answer.headers.get("Retry-After") == seconds


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/api/v1/nowhere", "/api/v1/auth", "/api//v1/auth/me", "/api/v1//class",
     "/healthz/", "/static/x", "/api/v1/class/a/b/c", "/%00"],
)  # fmt: skip
async def test_an_unknown_path_is_404(server, path):
    # Sent as it stands: a client library would tidy it up.
    import httpx

    request = httpx.Request("GET", server.url + path)
    assert refusal(await server.api.send(request)) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/auth/me", {"GET", "HEAD"}),
        ("OPTIONS", "/auth/login", {"POST"}),
        ("GET", "/auth/register", {"POST"}),
        ("PUT", "/class", {"GET", "HEAD", "POST"}),
        ("TRACE", "/attendance/session", {"GET", "HEAD"}),
        ("NONSENSE", "/auth/me", {"GET", "HEAD"}),
    ],
)
async def test_wrong_method_is_405_with_the_allowed_methods(server, method, path, allowed):
    answer = await server.api.request(method, path)
    assert refusal(answer) == (405, "Method Not Allowed")
    assert {each.strip() for each in answer.headers["allow"].split(",")} == allowed


async def test_a_body_over_64_kib_is_413(server):
    fits = json.dumps({"email": "a@example.org", "password": "x"})
    answer = await server.api.post(
        "/auth/login",
        content=fits + " " * (64 * 1024 - len(fits)),
        headers={"content-type": "application/json"},
    )
    assert refusal(answer) == (404, "User not found")
    answer = await server.api.post("/auth/login", json={"email": "x" * 65536})
    assert refusal(answer) == (413, "Payload Too Large")


async def test_a_body_over_64_kib_without_a_length_is_413(server):
    async def parts():
        for _ in range(200):
            yield b" " * 1024

    answer = await server.api.post(
        "/auth/login", content=parts(), headers={"content-type": "application/json"}
    )
    assert refusal(answer) == (413, "Payload Too Large")


async def test_long_body_without_a_sign_in_is_answered(server):
    answer = await server.api.post(
        "/class", content=b" " * 3_000_000, headers={"content-type": "application/json"}
    )
    assert refusal(answer) == (401, "please send jwt token")


GOOD = {"name": "Ada", "email": "ada@example.org", "password": "secret1", "role": "teacher"}
AS_JSON = json.dumps(GOOD)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"{", "application/json", id="cut off"),
        pytest.param(b"[]", "application/json", id="array"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b'"text"', "application/json", id="text"),
        pytest.param(b'{"name": "\xff\xfe"}', "application/json", id="not UTF-8"),
        pytest.param(AS_JSON.encode("utf-16"), "application/json", id="UTF-16"),
        pytest.param(AS_JSON.encode(), "text/plain", id="text/plain"),
        pytest.param(AS_JSON.encode(), None, id="no content type"),
        pytest.param(b"name=Ada", "application/x-www-form-urlencoded", id="form"),
        pytest.param(b"[" * 60_000, "application/json", id="nested without end"),
        pytest.param(
            AS_JSON.replace("Ada", "\\ud800").encode(), "application/json", id="lone surrogate"
        ),
        pytest.param(b'{"name": 1' + b"0" * 50_000 + b"}", "application/json", id="giant number"),
        pytest.param(AS_JSON.replace("{", '{"x": NaN,').encode(), "application/json", id="NaN"),
        pytest.param(
            AS_JSON.replace("}", "} trailing").encode(), "application/json", id="trailing"
        ),
    ],
)
async def test_bad_json_is_the_routes_own_validation_error(server, content, content_type):
    headers = {"content-type": content_type} if content_type else {}
    answer = await server.api.post("/auth/register", content=content, headers=headers)
    assert refusal(answer) == (422, "Invalid request Schema")
    teacher = await server.person("teacher")
    answer = await server.api.post(
        "/class", content=content, headers={**headers, **teacher.headers}
    )
    assert refusal(answer) == (400, "Invalid request schema")


async def test_json_with_a_charset_or_suffix_is_json(server):
    for content_type in ("application/json; charset=utf-8", "application/vnd.school+json"):
        body = json.dumps({**GOOD, "email": f"a{len(content_type)}@example.org"})
        answer = await server.api.post(
            "/auth/register", content=body, headers={"content-type": content_type}
        )
        assert answer.status_code == 201


async def test_unexpected_error_is_500_without_internals_and_is_logged(serve):
    server = await serve(beside=[Breaking])
    with structlog.testing.capture_logs() as logs:
        answer = await server.api.get(f"{server.url}/breaking")
    assert refusal(answer) == (500, "Internal Server Error")
    assert "s3cret" not in answer.text + str(answer.headers)
    lines = [line for line in logs if line["event"] == "unforeseen error"]
    assert len(lines) == 1
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert "s3cret" in str(lines[0]["exc_info"])


def signed(key=SECRET, algorithm="HS256", **changes):
    now = datetime.now(UTC)
    claims = {"id": "0" * 24, "role": "teacher", "iat": now, "exp": now + timedelta(hours=1)}
    claims = {k: v for k, v in {**claims, **changes}.items() if v is not ...}
    return jwt.encode(claims, key, algorithm=algorithm)


def unsigned():
    header, payload, _ = signed().split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{payload}."


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer garbage", id="garbage"),
        pytest.param("Bearer a.b.c", id="three parts"),
        pytest.param(f"Bearer {signed(key='another secret that is long enough!')}", id="forged"),
        pytest.param(f"Bearer {signed(exp=datetime(2020, 1, 1, tzinfo=UTC))}", id="expired"),
        pytest.param(f"Bearer {unsigned()}", id="alg none"),
        pytest.param(f"Bearer {signed(key=SECRET * 2, algorithm='HS512')}", id="HS512"),
        pytest.param(f"Bearer {signed(algorithm='HS384')}", id="HS384 with our key"),
        pytest.param(f"Bearer {signed(id=5)}", id="id of another type"),
        pytest.param(f"Bearer {signed(id='no id')}", id="id that is none"),
        pytest.param(f"Bearer {signed(role=['teacher'])}", id="role of another type"),
        pytest.param(f"Bearer {signed(id=...)}", id="no id"),
        pytest.param(f"Bearer {signed(exp=...)}", id="no exp"),
        pytest.param(f"Bearer {signed(exp='soon')}", id="exp of another type"),
        pytest.param(f"Basic {base64.b64encode(b'a:b').decode()}", id="Basic"),
        pytest.param(f"Bearer {signed()} extra", id="more than a token"),
        pytest.param(signed(), id="no scheme"),
    ],
)
async def test_a_bad_token_is_401(server, header):
    answer = await server.api.get("/class", headers={"Authorization": header})
    assert refusal(answer) == (401, INVALID_TOKEN)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_no_token_is_401_and_says_so(server):
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}):
        answer = await server.api.get("/class", headers=headers)
        assert refusal(answer) == (401, "please send jwt token"), headers
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case(server):
    person = await server.person("student")
    for scheme in ("bearer", "BEARER", "bEaReR"):
        answer = await server.api.get(
            "/auth/me", headers={"Authorization": f"{scheme} {person.token}"}
        )
        assert answer.status_code == 200


async def test_a_token_is_checked_before_role_before_body(server):
    student = await server.person("student")
    answer = await server.api.post("/class", content=b"{")
    assert refusal(answer) == (401, "please send jwt token")
    answer = await server.api.post("/class", content=b"{", headers=student.headers)
    assert refusal(answer) == (403, "Forbidden, teacher access required")


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_a_database_out_of_reach_is_503_and_comes_back(
    own_mongod, serve, lesson, mark, eventually, how
):
    mongod = own_mongod("--replSet", "test")
    usual = Settings.model_fields["database_timeout"].default
    server = await serve(mongodb_uri=mongod.uri, database_timeout=usual)
    maths = await lesson(server, students=1)
    await maths.start()
    teacher, (student,) = await maths.sockets()
    if how == "killed":
        mongod.send(signal.SIGKILL)
    else:
        mongod.send(signal.SIGSTOP)

    for path in ("/auth/me", "/class", f"/class/{maths.class_id}", "/attendance/session",
                 f"{server.url}/readyz"):  # fmt: skip
        answer = await server.api.get(path, headers=maths.teacher.headers)
        assert refusal(answer) == (503, "Service Unavailable"), path
        assert int(answer.headers["retry-after"]) > 0
    assert (await server.api.get(f"{server.url}/healthz")).status_code == 200
    answer = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert answer == {"event": "ERROR", "data": {"message": "Service Unavailable"}}
    # The driver is told for how long it may try; that is within the 3 s which clients are promised.
    assert usual < 3

    if how == "killed":
        mongod.start()
    else:
        mongod.send(signal.SIGCONT)

    async def ready():
        return (await server.api.get(f"{server.url}/readyz")).status_code == 200

    await eventually(ready)

    async def marked():
        answer = await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
        return answer["event"] == "ATTENDANCE_MARKED"

    await eventually(marked)
    await student.until("ATTENDANCE_MARKED")
    assert (await teacher.ask("DONE"))["data"]["present"] == 1
