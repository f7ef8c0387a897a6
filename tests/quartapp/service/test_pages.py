"""The docs pages: all that they are made of comes from the server that shows them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from quartapp.app import create_app
from quartapp.http.operation import operation_of
from quartapp.identity.access import PUBLIC
from quartapp.service.pages import FOLDER
from quartapp.settings.core import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from quart import Quart

PAGES = ("/docs", "/docs/websocket")
DOCUMENTS = {"/docs": "/openapi.json", "/docs/websocket": "/asyncapi.json"}
# Elements that have a browser fetch something, or run it.
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "object": "data"}


class Markup(HTMLParser):
    """The references of a page, and its inline code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.sources: list[str] = []
        self.inline: list[str] = []
        self._in_script = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(LOADED.get(tag, ""))
        if address is not None and not address.startswith("data:"):
            self.loaded.append(address)
        if tag == "a":
            self.linked.append(given["href"] or "")
        self.sources += [value or "" for name, value in attrs if name == "data-source"]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.inline += ["style"] if tag == "style" else []
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)


@pytest.fixture
def app() -> Quart:
    # Nothing listens there: the pages ask nothing of the database.
    return create_app(
        load_settings(
            mongodb_uri="mongodb://127.0.0.1:1",
            jwt_secret="a secret for tests, 32 bytes or more",
        )
    )


@pytest.fixture
async def browser(app: Quart) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # ASGI, in narrower types
    async with httpx.AsyncClient(transport=transport, base_url="http://quartapp.test") as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_html(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<!DOCTYPE html>" in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_everything_a_page_loads_is_served(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    loaded = Markup(page.text).loaded
    assert {name.rpartition(".")[2] for name in loaded} == {"css", "js"}
    for address in loaded:
        answer = await browser.get(urljoin(str(page.url), address))
        assert answer.status_code == 200, address
        kind = "text/css" if address.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_refers_to_no_other_host(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    markup = Markup(page.text)
    addresses = [*markup.loaded, *markup.linked, *markup.sources]
    assert len(addresses) > len(PAGES)
    for address in addresses:
        # Relative, so that a prefix of a proxy stays; nothing that leads off the server.
        assert not urlsplit(address).scheme, address
        assert not urlsplit(address).netloc, address
        assert not address.startswith("/"), address


@pytest.mark.parametrize("path", PAGES)
async def test_a_style_sheet_fetches_nothing(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    sheets = [name for name in Markup(page.text).loaded if name.endswith(".css")]
    assert sheets
    for address in sheets:
        css = (await browser.get(urljoin(str(page.url), address))).text
        assert "@import" not in css
        targets = re.findall(r"""url\(\s*["']?([^"')]{0,80})""", css)
        assert [target for target in targets if not target.startswith("data:")] == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_browser_is_told_to_ask_this_server_alone(
    browser: httpx.AsyncClient, path: str
) -> None:
    policy = (await browser.get(path)).headers["content-security-policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    for directive, sources in directives.items():
        allowed = {"'none'", "'self'"}
        allowed |= {"data:"} if directive == "img-src" else set()
        assert set(sources.split()) <= allowed, directive


@pytest.mark.parametrize("path", PAGES)
async def test_the_policy_of_a_page_has_no_unsafe_source(
    browser: httpx.AsyncClient, path: str
) -> None:
    assert "unsafe" not in (await browser.get(path)).headers["content-security-policy"]


def test_the_renderer_of_frames_compiles_no_functions() -> None:
    """The policy would end the page where the script does."""
    script = (FOLDER / "asyncapi.js").read_text(encoding="utf-8")
    assert re.search(r"\bnew Function\b|(?<![.\w])(?:eval|Function)\(", script) is None


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_no_code_of_its_own(browser: httpx.AsyncClient, path: str) -> None:
    assert Markup((await browser.get(path)).text).inline == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_shows_the_document_of_this_server(
    browser: httpx.AsyncClient, path: str
) -> None:
    page = await browser.get(path)
    (source,) = Markup(page.text).sources
    address = urljoin(str(page.url), source)
    assert urlsplit(address).path == DOCUMENTS[path]
    answer = await browser.get(address)
    assert answer.status_code == 200
    version = answer.json().get("openapi") or answer.json().get("asyncapi")
    assert version in {"3.1.0", "3.0.0"}


@pytest.mark.parametrize("path", PAGES)
async def test_the_pages_link_to_each_other(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    linked = {urlsplit(urljoin(str(page.url), to)).path for to in Markup(page.text).linked}
    assert linked == {*PAGES, DOCUMENTS[path]}


@pytest.mark.parametrize(
    "name",
    [
        "page.css",  # without the digest that pages write
        "page.0000000000000000.css",
        "update.sh",
        "VERSIONS",
        "..%2fapp.py",
        "%2e%2e%2f__init__.py",
        "../static/page.css",
        "",
    ],
)
async def test_another_name_is_not_found(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.get(f"/docs/assets/{name}")
    assert answer.status_code == 404
    assert answer.json() == {"success": False, "error": "Not Found"}


async def test_the_files_of_pages_are_in_no_document(browser: httpx.AsyncClient) -> None:
    paths = (await browser.get("/openapi.json")).json()["paths"]
    assert set(PAGES) | set(DOCUMENTS.values()) <= set(paths)
    assert [path for path in paths if "assets" in path] == []


def test_files_of_pages_are_public(app: Quart) -> None:
    operation = operation_of(app.view_functions["docs_pages.docs_asset"])
    assert operation is not None
    assert operation.access == PUBLIC


@pytest.mark.parametrize("renderer", ["swagger-ui", "asyncapi"])
def test_a_renderer_comes_with_its_licence_and_version(renderer: str) -> None:
    assert "Apache License" in (FOLDER / f"{renderer}.LICENSE.txt").read_text()
    assert f"{renderer}.js" in (FOLDER / "VERSIONS").read_text()


async def test_switched_off_pages_have_no_routes(serve) -> None:
    server = await serve(docs=False)
    paths = (await server.api.get(f"{server.url}/openapi.json")).json()["paths"]
    for path in PAGES:
        assert (await server.api.get(f"{server.url}{path}")).status_code == 404
        assert path not in paths
    assert (await server.api.get(f"{server.url}/asyncapi.json")).status_code == 200
