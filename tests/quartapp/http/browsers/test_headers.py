"""Protective headers: of pages, of personal answers, and over TLS."""

from __future__ import annotations

import pytest
from quart import Blueprint
from quart.wrappers import Response

from quartapp import PUBLIC, SIGNED_IN, Operation, Principal, QuartappError, hookimpl

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Shelf:
    """A page, a page with its own policy, and personal answers of three kinds."""

    name = "shelf"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("shelf", __name__)

        def add(name, view, access=PUBLIC, **more):
            operation = Operation(
                id=name, access=access, tags=("shelf",), data=str, documented=False, **more
            )
            blueprint.add_url_rule(f"/{name}", name, operation(view))

        async def page():
            return Response("<p>", mimetype="text/html")

        async def loose():
            headers = {"Content-Security-Policy": "default-src *"}
            return Response("<p>", mimetype="text/html", headers=headers)

        async def own(principal):
            return principal.id

        async def kept(principal):
            return Response("x", headers={"Cache-Control": "private, max-age=60"})

        add("page", page)
        add("loose", loose)
        add("own", own, SIGNED_IN)
        add("tagged", own, SIGNED_IN, etag=True)
        add("kept", kept, SIGNED_IN)
        return [blueprint]

    @hookimpl
    def authenticate(self, connection):
        badge = connection.headers.get("X-Badge")
        return Principal(badge, "student") if badge else None


@pytest.fixture
def shelf(serve):
    return lambda **settings: serve(beside=[Shelf], **settings)


async def test_a_page_has_a_strict_policy_unless_it_sets_one(shelf):
    server = await shelf()
    headers = (await server.api.get(f"{server.url}/page")).headers
    assert headers["content-security-policy"] == STRICT
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    loose = (await server.api.get(f"{server.url}/loose")).headers
    assert loose["content-security-policy"] == "default-src *"


async def test_answers_that_are_no_page_have_no_policy(server):
    headers = (await server.api.get(f"{server.url}/nowhere")).headers
    assert "content-security-policy" not in headers
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_learning_platform_may_be_let_in(shelf):
    server = await shelf(frame_ancestors=("https://lms.example", "https://b.example:8443"))
    policy = (await server.api.get(f"{server.url}/page")).headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors https://lms.example https://b.example:8443")


@pytest.mark.parametrize(
    "origin",
    [
        "lms.example",
        "https://a.example; script-src *",
        "https://a.example\nX: y",
        "https://a.example/path",
        "*",
        "https://*",
        "https://*.",
        "https:",
        "data:",
    ],
)
async def test_what_is_no_origin_may_not_frame(serve, origin):
    with pytest.raises(QuartappError, match=r"FRAME_ANCESTORS.*is not an origin"):
        await serve(frame_ancestors=(origin,))


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("own", "no-store"),
        ("tagged", "private, no-cache"),
        ("kept", "private, max-age=60"),
        ("nowhere", "no-store"),
    ],
)
async def test_personal_answers_are_kept_as_far_as_they_may_be(shelf, path, kept):
    server = await shelf()
    ada = await server.person("student")
    url = f"{server.url}/{path}"
    by_header = await server.api.get(url, headers=ada.headers)
    by_cookie = await server.api.get(url, headers={"Cookie": f"quartapp_session={ada.token}"})
    assert by_header.headers["cache-control"] == by_cookie.headers["cache-control"] == kept
    assert "cache-control" not in (await server.api.get(f"{server.url}/page")).headers


async def test_what_was_made_for_other_credentials_is_kept_nowhere_either(shelf):
    server = await shelf()
    answer = await server.api.get(f"{server.url}/own", headers={"X-Badge": "7" * 24})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_an_answer_with_a_token_is_kept_nowhere(server):
    ada = await server.person("student")
    given = {"email": ada.email, "password": ada.password}
    answer = await server.api.post("/auth/login", json=given)
    assert answer.json()["data"]["token"]
    assert answer.headers["cache-control"] == "no-store"
    refused = await server.api.post("/auth/login", json={**given, "password": "another"})
    assert (refused.status_code, refused.headers["cache-control"]) == (400, "no-store")


async def test_over_tls_browsers_are_told_to_stay_with_it(shelf):
    server = await shelf(trusted_proxies=1)
    url = f"{server.url}/page"
    over_tls = await server.api.get(url, headers={"X-Forwarded-Proto": "https"})
    assert over_tls.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in (await server.api.get(url)).headers
