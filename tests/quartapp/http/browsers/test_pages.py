"""Pages: every refusal is one, redirects stay on the server, and the kit's browser signs in."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from pydantic import Field
from quart import Blueprint, abort, redirect, request
from quart.wrappers import Response

from quartapp import (
    PUBLIC,
    SIGNED_IN,
    Body,
    DatabaseUnavailableError,
    Deny,
    DomainError,
    Operation,
    Refusal,
    core,
    hookimpl,
    role,
    see_other,
)

STRICT = "default-src 'none'; script-src 'self'"
TYPE = "text/html; charset=utf-8"


class GoneError(DomainError):
    pass


class OddError(DomainError):
    pass


class ManyError(DomainError):
    pass


FAILURES = {
    "gone": GoneError(),
    "odd": OddError(),
    "many": ManyError(),
    "away": DatabaseUnavailableError("no primary"),
    "bug": RuntimeError("a bug in a plugin"),
}


class Leaf(Body):
    size: int = Field(le=9)


class Garden:
    """Pages that fail in every way, and some that lead on."""

    name = "garden"
    messages = ("Not in <winter>",)

    @hookimpl
    def authorize(self, principal, action, resource):
        return Deny("Not in <winter>") if action == "prune" else None

    @hookimpl
    def register_blueprints(self, app):
        return [pages(), redirects()]


def declare(blueprint):
    def page(path, identifier, *methods, access=PUBLIC, **more):
        operation = Operation(
            id=identifier,
            access=access,
            tags=("garden",),
            data=str,
            page=True,
            errors={
                GoneError: Refusal(404, "No <such> leaf"),
                OddError: Refusal(415, "Unsupported Media Type"),
                ManyError: Refusal(429, "Too Many Requests"),
            },
            **more,
        )
        return lambda view: blueprint.add_url_rule(
            path, identifier, operation(view), methods=methods or ["GET"]
        )

    return page


def pages():
    blueprint = Blueprint("garden", __name__, url_prefix="/garden")
    page = declare(blueprint)

    @page("/open", "open")
    async def show():
        return "<p>open"

    @page("/beds/", "beds")
    async def beds():
        return "<p>beds"

    @blueprint.get("/data")
    @Operation(id="data", access=SIGNED_IN, tags=("garden",), data=str)
    async def data(principal):
        return Response("never")

    @page("/own", "own", access=SIGNED_IN)
    async def own(principal):
        return f"<p>{principal.id}"

    @page("/shed", "shed", access=role("teacher"))
    async def shed(principal):
        return "<p>shed"

    @page("/prune", "prune", "POST")
    async def prune():
        return "<p>pruned"

    @page("/fail/<how>", "fail")
    async def fail(how):
        raise FAILURES[how]

    @page("/abort", "aborted")
    async def aborted():
        abort(410)

    @page("/leaf", "leaf", "POST", form=Leaf, invalid=Refusal(422, "No leaf"), max_body=200)
    async def leaf(form, errors):
        return f"<p>{form.size}"

    return blueprint


def redirects():
    blueprint = Blueprint("garden redirects", __name__, url_prefix="/garden")
    page = declare(blueprint)

    @page("/away", "away", redirects=True)
    async def away():
        return see_other(request.args["to"])

    @page("/leave", "leave", "POST", redirects=True)
    async def leave():
        response = redirect("/garden/open", 303)
        core().cookies.sign_out(response)
        return response

    @page("/tagged", "tagged", etag=True)
    async def tagged():
        return see_other("/garden/open") if "on" in request.args else "<p>tagged"

    return blueprint


@pytest.fixture
async def garden(serve):
    return await serve(beside=[Garden])


def is_page(answer, status, message):
    """Whether the answer is a whole page with the strict policy, and shows the message."""
    return (
        (answer.status_code, answer.headers["content-type"]) == (status, TYPE)
        and answer.headers["content-security-policy"].startswith(STRICT)
        and answer.headers["cross-origin-opener-policy"] == "same-origin"
        and message in answer.text
    )


REFUSALS = (
    ("GET", "own", 401, "please send jwt token"),
    ("POST", "prune", 403, "Not in &lt;winter&gt;"),
    ("GET", "fail/gone", 404, "No &lt;such&gt; leaf"),
    ("GET", "fail/odd", 415, "Unsupported Media Type"),
    ("GET", "fail/many", 429, "Too Many Requests"),
    ("GET", "fail/away", 503, "Service Unavailable"),
    ("GET", "fail/bug", 500, "Internal Server Error"),
    ("GET", "abort", 410, "Gone"),
    # The router's own: there is no route, or none for the method.
    ("GET", "nowhere", 404, "Not Found"),
    ("GET", "nowhere/<b>/%3Cb%3E", 404, "Not Found"),
    ("DELETE", "open", 405, "Method Not Allowed"),
    ("GET", "beds", 308, "/garden/beds/"),
)


async def test_every_refusal_of_a_page_is_a_page(garden):
    for method, path, status, message in REFUSALS:
        answer = await garden.page().client.request(method, f"/garden/{path}")
        assert is_page(answer, status, message), (path, answer.headers, answer.text)
        assert "<b>" not in answer.text


async def test_a_page_for_a_role_refuses_others_by_a_page(garden):
    student, teacher = await garden.person("student"), await garden.person("teacher")
    refused = await garden.page(student).get("/garden/shed")
    assert is_page(refused, 403, "Forbidden, teacher access required")
    assert refused.headers["cache-control"] == "no-store"
    assert (await garden.page(teacher).get("/garden/shed")).text == "<p>shed"


async def test_a_form_that_does_not_fit_or_is_too_long_is_refused_by_a_page(garden):
    page = garden.page()
    unfit = await page.submit("/garden/leaf", size="<10>")
    # The name of a status is that of the standard that the Python at hand knows.
    assert is_page(unfit, 422, f"<h1>{HTTPStatus(422).phrase}</h1>\n<p>No leaf</p>")
    assert "<li>size: Input should be a valid integer" in unfit.text
    assert "10" not in unfit.text.partition("<ul>")[2].partition("</ul>")[0]
    assert is_page(await page.submit("/garden/leaf", size="1" * 200), 413, "Payload Too Large")
    assert (await page.submit("/garden/leaf", size="9")).text == "<p>9"


async def test_headers_of_a_refusal_stay_on_its_page(garden):
    page = garden.page()
    assert (await page.get("/garden/own")).headers["www-authenticate"] == "Bearer"
    assert (await page.get("/garden/fail/away")).headers["retry-after"] == "2"
    allowed = (await page.client.delete("/garden/open")).headers["allow"]
    assert set(allowed.split(", ")) == {"GET", "HEAD"}


async def test_a_page_says_which_request_it_answers(garden):
    page = garden.page()
    page.client.headers["X-Request-Id"] = "a.b_c-1"
    assert "<code>a.b_c-1</code>" in (await page.get("/garden/fail/bug")).text


async def test_what_is_no_page_is_refused_as_before(garden):
    for path in ("garden/data", "gardens/x", "api/v1/garden", "api/v1/nowhere", "nowhere", "/x"):
        answer = await garden.page().get(f"{garden.url}/{path}")
        assert answer.status_code in {401, 404}, path
        assert answer.json()["success"] is False
        assert "content-security-policy" not in answer.headers


async def test_head_is_answered_like_get_without_a_body(garden):
    for path in ("open", "nowhere", "own"):
        got = await garden.page().get(f"/garden/{path}")
        head = await garden.page().client.head(f"/garden/{path}")
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-security-policy"] == got.headers["content-security-policy"]


async def test_no_header_makes_another_method_of_one(garden):
    page = garden.page(await garden.person("student"))
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = await page.client.post("/garden/own?_method=GET", headers={header: "GET"})
        assert answer.status_code == 405
        answer = await page.client.get("/garden/prune?_method=POST", headers={header: "POST"})
        assert answer.status_code == 405


PATHS = (
    ("/", "/"),
    ("/garden/open?a=b&c=//d", "/garden/open?a=b&c=//d"),
    ("/garden/ä", "/garden/%C3%A4"),
    ("/.//evil.example", "/.//evil.example"),  # to browsers, a path of the same host
)
ELSEWHERE = (
    "",
    "garden",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/a\\..\\..\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/open\r\nSet-Cookie: a=b",
    "/open\nX: y",
    "/open\x00",
    "/ /evil.example",
)


async def test_a_redirect_leads_to_a_path_on_this_server(garden):
    for to, location in PATHS:
        answer = await garden.page().client.get("/garden/away", params={"to": to})
        assert (answer.status_code, answer.headers["location"]) == (303, location)
        assert answer.next_request.url.host == "127.0.0.1"


async def test_a_redirect_leads_nowhere_else_and_carries_no_header(garden):
    for to in ELSEWHERE:
        with pytest.raises(ValueError, match="leads to a path on this server"):
            see_other(to)
        answer = await garden.page().client.get("/garden/away", params={"to": to})
        assert answer.status_code == 500
        assert not {"location", "set-cookie", "x"} & set(answer.headers)


async def test_a_redirect_has_no_entity_tag(garden):
    page = garden.page()
    tag = (await page.get("/garden/tagged")).headers["etag"]
    page.client.headers["If-None-Match"] = "*"
    assert (await page.get("/garden/tagged")).headers["etag"] == tag
    assert (await page.get("/garden/tagged")).status_code == 304
    led = await page.get("/garden/tagged?on")
    assert (led.status_code, "etag" in led.headers) == (303, False)


async def test_the_browser_of_the_kit_is_signed_in_until_it_signs_out(garden):
    ada = await garden.person("student")
    page = garden.page(ada)
    assert (await page.get("/garden/own")).text == f"<p>{ada.id}"
    left = await page.submit("/garden/leave")
    assert (await page.follow(left)).text == "<p>open"
    assert (await page.get("/garden/own")).status_code == 401
    assert (await garden.page().get("/garden/own")).status_code == 401
    with pytest.raises(AssertionError):
        await page.follow(await page.get("/garden/open"))
