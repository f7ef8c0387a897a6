"""Sign-in by cookie: what the cookie is like, and which requests it counts for."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
import structlog
from quart import Blueprint, request
from quart.wrappers import Response

from quartapp import PUBLIC, SIGNED_IN, Operation, core, hookimpl
from quartapp.identity.cookies import NAME

PLAIN, SECURE = NAME, f"__Host-{NAME}"
REFUSED = "Forbidden, cross-site request"
TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "school.example"}


class Lobby:
    """Pages to sign in and out by, and one thing to do."""

    name = "lobby"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("lobby", __name__)

        def page(identifier, method, access=PUBLIC):
            operation = Operation(
                id=identifier, access=access, tags=("lobby",), data=str, documented=False
            )
            return lambda view: blueprint.add_url_rule(
                f"/{identifier}", identifier, operation(view), methods=[method]
            )

        @page("enter", "POST")
        async def enter():
            response = Response("in", mimetype="text/html")
            core().cookies.sign_in(response, request.args["token"])
            return response

        @page("leave", "POST")
        async def leave():
            response = Response("out", mimetype="text/html")
            core().cookies.sign_out(response)
            return response

        @page("look", "GET", SIGNED_IN)
        async def look(principal):
            return principal.id

        @page("act", "POST", SIGNED_IN)
        async def act(principal):
            return principal.id

        return [blueprint]


@pytest.fixture
def lobby(serve):
    return lambda **settings: serve(beside=[Lobby], **settings)


def cookie_of(answer):
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


async def send(server, method, path, token=None, name=PLAIN, **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    if token is not None:
        headers["Cookie"] = f"{name}={token}"
    return await server.api.request(method, f"{server.url}/{path}", headers=headers)


async def test_over_plain_http_the_cookie_is_bare_and_the_log_warns_once(lobby):
    server = await lobby()
    with structlog.testing.capture_logs() as lines:
        first = cookie_of(await send(server, "POST", "enter?token=abc"))
        await send(server, "POST", "enter?token=abc")
    assert (first.key, first.value, first["path"]) == (PLAIN, "abc", "/")
    assert (first["httponly"], first["samesite"], first["secure"]) == (True, "Lax", "")
    assert int(first["max-age"]) == 24 * 3600
    assert len([line for line in lines if "plain HTTP" in line["event"]]) == 1


async def test_over_tls_the_cookie_belongs_to_the_host(lobby):
    server = await lobby(trusted_proxies=1)
    cookie = cookie_of(
        await server.api.post(f"{server.url}/enter?token=abc", headers=TLS),
    )
    assert (cookie.key, cookie["secure"], cookie["httponly"]) == (SECURE, True, True)
    assert (cookie["path"], cookie["domain"]) == ("/", "")


async def test_signing_out_clears_the_cookie(lobby):
    cookie = cookie_of(await send(await lobby(), "POST", "leave"))
    assert (cookie.key, cookie.value, cookie["max-age"]) == (PLAIN, "", "0")


async def test_the_cookie_signs_in_where_no_header_does(lobby):
    server = await lobby()
    ada, bob = await server.people("student", 2)
    assert (await send(server, "GET", "look", ada.token)).json()["data"] == ada.id
    both = await send(server, "GET", "look", ada.token, **bob.headers)
    assert both.json()["data"] == bob.id
    bad = await send(server, "GET", "look", ada.token, Authorization="Bearer garbage")
    assert bad.status_code == 401
    assert (await send(server, "GET", "look", "garbage")).status_code == 401
    assert (await send(server, "GET", "look", ada.token, SECURE)).status_code == 401


async def test_over_tls_the_cookie_of_plain_http_does_not_count(lobby):
    server = await lobby(trusted_proxies=1)
    ada = await server.person("student")
    assert (await send(server, "GET", "look", ada.token, PLAIN, **TLS)).status_code == 401
    assert (await send(server, "GET", "look", ada.token, SECURE, **TLS)).status_code == 200


async def cookies(server, *values):
    headers = [("Cookie", value) for value in values]
    return (await server.api.get(f"{server.url}/look", headers=headers)).status_code


async def test_two_cookies_of_the_name_count_for_nothing(lobby):
    server = await lobby()
    ada, bob = await server.people("student", 2)
    assert await cookies(server, f"a=b; {PLAIN}={ada.token} ;c=d") == 200
    assert await cookies(server, f"{PLAIN}={ada.token}; {PLAIN}={ada.token}") == 200
    for other in (bob.token, "", "garbage"):
        assert await cookies(server, f"{PLAIN}={ada.token}; {PLAIN}={other}") == 401
        assert await cookies(server, f"{PLAIN}={other}; {PLAIN}={ada.token}") == 401
        assert await cookies(server, f"{PLAIN}={other}", f"{PLAIN}={ada.token}") == 401


async def test_a_name_that_only_looks_like_the_cookies_counts_for_nothing(lobby):
    server = await lobby()
    ada = await server.person("student")
    name, token = PLAIN.encode(), ada.token.encode()
    for other in (b"\xa0" + name, b"\x85" + name, name + b"\xa0", name.title()):
        assert await cookies(server, other + b"=" + token) == 401, other


CHANGES = (
    ({}, False),
    ({"Sec_Fetch_Site": "same-origin"}, True),
    ({"Sec_Fetch_Site": "same-site"}, False),
    ({"Sec_Fetch_Site": "cross-site"}, False),
    ({"Sec_Fetch_Site": "cross-site", "Origin": "own"}, False),
    ({"Origin": "own"}, True),
    ({"Origin": "null"}, False),
    ({"Origin": "http://[bad"}, False),
    ({"Origin": "https://anywhere.example"}, False),
    ({"Origin": "own", "Content_Type": "application/json"}, True),
    ({"Origin": "own", "Content_Type": "application/x-www-form-urlencoded"}, True),
    ({"Origin": "own", "Content_Type": "text/plain"}, False),
)


async def test_a_change_by_cookie_proves_its_origin(lobby):
    server = await lobby()
    ada = await server.person("student")
    for given, allowed in CHANGES:
        headers = {key: server.url if value == "own" else value for key, value in given.items()}
        answer = await send(server, "POST", "act", ada.token, **headers)
        assert answer.status_code == (200 if allowed else 403), given
        assert allowed or answer.json()["error"] == REFUSED
        by_header = await send(server, "POST", "act", ada.token, **{**headers, **ada.headers})
        assert by_header.status_code == 200


ORIGINS = (
    ("https://school.example", 200),
    ("https://school.example:443", 200),
    ("http://school.example", 403),
    ("https://school.example:8443", 403),
    ("https://evil.school.example", 403),
    ("https://example", 403),
    ("https://school.example.evil.example", 403),
    ("https://school.example@evil.example", 403),
    ("null", 403),
)


async def test_behind_a_proxy_the_origin_is_the_forwarded_one(lobby):
    server = await lobby(trusted_proxies=1)
    ada = await server.person("student")
    for origin, status in ORIGINS:
        answer = await send(server, "POST", "act", ada.token, SECURE, Origin=origin, **TLS)
        assert answer.status_code == status, origin


async def test_what_a_client_says_before_the_trusted_proxy_counts_for_nothing(lobby):
    server = await lobby(trusted_proxies=1)
    ada = await server.person("student")
    told = {name: f"evil.example, {value}" for name, value in TLS.items()}
    for origin, status in (("https://school.example", 200), ("https://evil.example", 403)):
        answer = await send(server, "POST", "act", ada.token, SECURE, Origin=origin, **told)
        assert answer.status_code == status


async def test_a_page_that_may_use_the_api_changes_nothing_by_cookie(lobby):
    other = "https://app.example"
    server = await lobby(cors_origins=(other,))
    ada = await server.person("student")
    by_cookie = await send(server, "POST", "act", ada.token, Origin=other)
    assert (by_cookie.status_code, by_cookie.json()["error"]) == (403, REFUSED)
    by_header = await send(server, "POST", "act", Origin=other, **ada.headers)
    assert by_header.status_code == 200


async def test_without_a_trusted_proxy_nothing_is_forwarded(lobby):
    server = await lobby()
    ada = await server.person("student")
    origin = "https://school.example"
    assert (await send(server, "GET", "look", ada.token, SECURE, **TLS)).status_code == 401
    forged = await send(server, "POST", "act", ada.token, PLAIN, Origin=origin, **TLS)
    assert forged.status_code == 403
    own = await send(server, "POST", "act", ada.token, PLAIN, Origin=server.url, **TLS)
    assert own.status_code == 200
