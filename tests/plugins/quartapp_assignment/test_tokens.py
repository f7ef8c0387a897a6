"""Tokens of both dialects on both sides, and that base clients notice nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from types import SimpleNamespace

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from quartapp.http.routes import routes
from quartapp.testing import SECRET

GUARDED = (
    ("GET", "/auth/me"),
    ("POST", "/class"),
    ("POST", "/class/<class>/add-student"),
    ("GET", "/class/<class>"),
    ("GET", "/students"),
    ("GET", "/class/<class>/my-attendance"),
    ("POST", "/attendance/start"),
)


def signed(person, *, secret=SECRET, algorithm="HS256", **claims):
    now = int(time.time())
    payload = {"id": person.id, "role": person.role, "iat": now, "exp": now + 60, **claims}
    return jwt.encode(payload, secret, algorithm)


def bad_headers(person):
    """Return invalid tokens by name."""
    good = person.token
    forged = signed(person, secret="another secret of 32 bytes or more")
    expired = signed(person, exp=int(time.time()) - 1)
    return {
        "empty": "",
        "a scheme alone": "Bearer",
        "no token": "nonsense",
        "another scheme": f"Basic {good}",
        "the token twice": f"{good} {good}",
        "a scheme twice": f"Bearer Bearer {good}",
        "cut": good[:-3],
        "forged": forged,
        "forged after Bearer": f"Bearer {forged}",
        "expired": expired,
        "expired after Bearer": f"Bearer {expired}",
        "another algorithm": signed(person, secret=SECRET * 2, algorithm="HS512"),
        "no algorithm": signed(person, secret=None, algorithm="none"),
        "an id that is none": signed(person, id="x"),
    }


async def test_all_bad_tokens_get_one_message(school):
    at = await school()
    given = {"missing": None, **bad_headers(at.people["owner"])}
    for method, path in GUARDED:
        for flaw, header in given.items():
            headers = {} if header is None else {"Authorization": header}
            answer = await at.server.api.request(
                method, at.server.url + at.filled(path), headers=headers
            )
            error = {"success": False, "error": "Unauthorized, token missing or invalid"}
            assert (answer.status_code, answer.json()) == (401, error), (path, flaw)
            assert answer.headers["WWW-Authenticate"] == "Bearer", (path, flaw)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
async def test_a_token_is_taken_with_and_without_bearer(school, prefix):
    at = await school()
    for who, method, path, body, status in (
        ("owner", "GET", "/auth/me", None, 200),
        ("owner", "POST", "/class", {"className": "Physics"}, 201),
        ("owner", "POST", "/class/<class>/add-student", {"studentId": "<student>"}, 200),
        ("enrolled", "GET", "/class/<class>", None, 200),
        ("teacher", "GET", "/students", None, 200),
        ("enrolled", "GET", "/class/<class>/my-attendance", None, 200),
        ("owner", "POST", "/attendance/start", {"classId": "<class>"}, 200),
    ):
        answer = await at.server.api.request(
            method,
            at.server.url + at.filled(path),
            json=at.filled(body),
            headers={"Authorization": prefix + at.people[who].token},
        )
        assert answer.status_code == status, (path, answer.text)


async def test_tokens_of_each_side_work_on_the_other(school):
    at = await school()
    owner = at.people["owner"]
    credentials = {"email": owner.email, "password": owner.password}
    base = await at.server.api.post("/auth/login", json=credentials)
    here = await at.server.api.post(f"{at.server.url}/auth/login", json=credentials)
    for answer in (base, here):
        token = answer.json()["data"]["token"]
        claims = jwt.decode(token, SECRET, ["HS256"])
        assert claims["userId"] == claims["id"] == owner.id
        assert (claims["role"], claims["exp"] - claims["iat"]) == ("teacher", 24 * 60 * 60)
        headers = {"Authorization": f"Bearer {token}"}
        on_base = await at.server.api.get("/auth/me", headers=headers)
        assert on_base.json()["data"]["name"] == "ada lovelace"
        at_root = await at.server.api.get(
            f"{at.server.url}/auth/me", headers={"Authorization": token}
        )
        assert at_root.json()["data"]["name"] == "Ada Lovelace"


async def test_a_base_token_from_before_the_plugin_works_here(school, serve):
    plain = await serve()
    teacher = await plain.person("teacher")
    token = await plain.sign_in(teacher.email, teacher.password)
    assert "userId" not in jwt.decode(token, SECRET, ["HS256"])
    at = await school()
    answer = await at.server.api.get(f"{at.server.url}/auth/me", headers={"Authorization": token})
    assert (answer.status_code, answer.json()["data"]["_id"]) == (200, teacher.id)


async def test_the_socket_takes_a_dialect_token_in_the_way_of_the_base(school):
    at = await school()
    owner = at.people["owner"]
    answer = await at.ask(
        None, "POST", "/auth/login", {"email": owner.email, "password": owner.password}
    )
    token = answer.json()["data"]["token"]
    socket = await at.server.socket(SimpleNamespace(token=token))
    assert (await socket.ask("MY_ATTENDANCE"))["data"]["message"].startswith("Forbidden, student")


async def test_the_socket_refuses_a_bare_token_in_the_header_as_without_the_plugin(school):
    at = await school()
    headers = {"Authorization": at.people["owner"].token}
    socket = await at.server.socket(path="/ws", additional_headers=headers)
    refused = await socket.receive()
    assert refused == {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}
    with pytest.raises(ConnectionClosed) as closed:
        await socket.receive()
    assert closed.value.rcvd.code == 1008


# No two tokens or tickets are the same, a token ends once, and an export tells its time.
NOT_TWICE = {"createTicket", "refreshToken", "logout", "logoutAll", "exportMyData"}
# It tells which plugins there are.
TELLS_PLUGINS = "getCapabilities"


async def test_base_routes_answer_byte_for_byte_as_without_the_plugin(school, serve):
    at = await school()
    plain = await serve()
    owner, enrolled = at.people["owner"], at.people["enrolled"]
    ways = {"none": None, "bare": owner.token, "bare, student": enrolled.token}
    ways |= bad_headers(owner) | {"good": f"Bearer {owner.token}"}
    ways["good, student"] = f"Bearer {enrolled.token}"
    compared = 0
    ids = defaultdict(lambda: enrolled.id, class_id=at.class_id)
    for route in routes(plain.app):
        if not route.path.startswith("/api/v1") or route.method not in ("GET", "POST"):
            continue
        if route.operation.id == TELLS_PLUGINS:
            continue
        path = route.path.format_map(ids)
        if route.operation.media_type == "text/event-stream":  # it would go on
            path += "?since=refused"
        for way, header in ways.items():
            if route.operation.id in NOT_TWICE and way.startswith("good"):
                continue
            headers = {"X-Request-Id": "the-same"}
            headers |= {} if header is None else {"Authorization": header}
            both = [
                await server.api.request(route.method, server.url + path, headers=headers)
                for server in (plain, at.server)
            ]
            assert told(both[0]) == told(both[1]), (str(route), way)
            if way.startswith("bare") and route.operation.access.signed_in:
                assert both[1].json()["error"] == "Unauthorized, token missing or invalid"
                compared += 1
    assert compared >= 16


def told(answer):
    # A connection ends after a thousand requests.
    of_the_moment = {"date", "connection"}
    headers = {name: value for name, value in answer.headers.items() if name not in of_the_moment}
    return answer.status_code, headers, answer.content


async def test_without_the_plugin_there_is_nothing_at_the_root(server):
    teacher = await server.person("teacher")
    for method, path in (*GUARDED, ("POST", "/auth/signup"), ("POST", "/auth/login")):
        answer = await server.api.request(method, server.url + path, headers=teacher.headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "Not Found"), path
