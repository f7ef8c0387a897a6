from __future__ import annotations

import pytest

PAGE = "https://app.school.example"
LISTED = {"cors_origins": (PAGE, "http://127.0.0.1:8080")}
ASKED = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,content-type,if-match",
}


def shared(answer):
    """Return the headers of ``answer`` that a browser checks for cross-origin pages."""
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/api/v1/class", "/api/v1/auth/login", "/nowhere"])
async def test_preflight_of_a_listed_origin_is_answered_on_every_path(serve, path):
    server = await serve(**LISTED)
    answer = await server.api.options(server.url + path, headers={"Origin": PAGE, **ASKED})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert set(allowed) == {"authorization", "content-type", "if-match"}
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/auth/me", 401),
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/v1/auth/login", 405),
        ("POST", "/api/v1/auth/login", 422),
        ("GET", "/healthz", 200),
    ],
)
async def test_answers_of_every_status_may_be_read_by_a_listed_page(serve, method, path, status):
    server = await serve(**LISTED)
    answer = await server.api.request(method, server.url + path, headers={"Origin": PAGE})
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Retry-After", "X-Request-Id"} <= {name.strip() for name in exposed.split(",")}
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.school.example",
        "https://app.school.example:444",
        "https://app.school.example.evil.example",
        "null",
    ],
)
async def test_page_of_an_unlisted_origin_may_read_nothing(serve, origin):
    server = await serve(**LISTED)
    preflight = await server.api.options(
        server.url + "/api/v1/class", headers={"Origin": origin, **ASKED}
    )
    answer = await server.api.get(server.url + "/healthz", headers={"Origin": origin})
    assert answer.status_code == 200
    for got in (preflight, answer):
        assert shared(got) == set()
        # A cache must not hand one page's answer to another.
        assert "Origin" in got.headers["Vary"]


async def test_any_origin_may_use_the_api_without_cookies(serve):
    server = await serve(cors_origins=("*",))
    answer = await server.api.get(
        server.url + "/healthz", headers={"Origin": "https://anywhere.example"}
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_without_the_setting_nothing_changes(server):
    preflight = await server.api.options(
        server.url + "/api/v1/class", headers={"Origin": PAGE, **ASKED}
    )
    assert preflight.status_code == 405
    answer = await server.api.get(server.url + "/healthz", headers={"Origin": PAGE})
    for got in (preflight, answer):
        assert shared(got) == set()
        assert "Vary" not in got.headers


async def test_options_that_is_no_preflight_stays_a_wrong_method(serve):
    server = await serve(**LISTED)
    answer = await server.api.options(server.url + "/api/v1/class", headers={"Origin": PAGE})
    assert answer.status_code == 405


async def test_page_of_a_listed_origin_may_open_the_socket(serve):
    server = await serve(host="0.0.0.0", **LISTED)  # noqa: S104
    socket = await server.socket(await server.person("student"), origin=PAGE)
    assert await socket.ask("NO_SUCH") == {"event": "ERROR", "data": {"message": "Unknown event"}}
