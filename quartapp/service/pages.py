"""The pages that show the two contracts in a browser, with files of this package alone.

The name of a file has a digest of its content, so a browser may cache the file for good: a changed
file has another name. No page has inline scripts or loads files from other hosts; the browser
enforces that by the page's Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from quart import abort
from quart.wrappers import Response

from quartapp.service.compressed import Compressed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quart.wrappers import Request

FOLDER = Path(__file__).with_name("static")
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
DIGEST_CHARACTERS = 16
POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    # Styles that scripts set on elements, as the renderers do, are no inline styles.
    "style-src 'self'; "
    "img-src 'self' data:; "
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)
KEEP_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Page:
    """A page that shows one document.

    Attributes:
        title: Title of the page.
        source: Address of the document. All addresses are relative to the page, so that pages also
            work behind a proxy that serves the server under a prefix.
        assets: Address of the folder with the files.
        files: Style sheets and scripts in the order in which they are loaded.
        links: Titles and addresses of all pages.
    """

    title: str
    source: str
    assets: str
    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...]

    async def response(self) -> Response:
        """Return the answer with the page."""
        names = await asyncio.to_thread(_served_names)
        response = Response(self._html(names), mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _html(self, names: Mapping[str, str]) -> str:
        loaded = "\n".join(f"  {self._tag(names[file])}" for file in self.files)
        links = "\n".join(f"    {self._link(title, address)}" for title, address in self.links)
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>quartapp: {self.title}</title>
  <link rel="icon" href="data:,">
{loaded}
</head>
<body>
  <header>
    <strong>quartapp</strong>
{links}
  </header>
  <p id="problem">One moment. (This page needs JavaScript; the document itself is at
    <a href="{self.source}">{self.source}</a>.)</p>
  <main id="document" data-source="{self.source}"></main>
</body>
</html>
"""

    def _tag(self, name: str) -> str:
        address = f"{self.assets}/{name}"
        if name.endswith(".css"):
            return f'<link rel="stylesheet" href="{address}">'
        return f'<script defer src="{address}"></script>'

    def _link(self, title: str, address: str) -> str:
        current = ' aria-current="page"' if title == self.title else ""
        return f'<a href="{address}"{current}>{title}</a>'


OPENAPI_PAGE = Page(
    title="HTTP",
    source="openapi.json",
    assets="docs/assets",
    files=("page.css", "swagger-ui.css", "swagger-ui.js", "openapi-page.js"),
    links=(("HTTP", "docs"), ("WebSocket", "docs/websocket")),
)
ASYNCAPI_PAGE = Page(
    title="WebSocket",
    source="../asyncapi.json",
    assets="assets",
    files=("page.css", "asyncapi.css", "asyncapi.js", "asyncapi-page.js"),
    links=(("HTTP", "../docs"), ("WebSocket", "websocket")),
)


async def asset(name: str, request: Request) -> Response:
    """Return the answer with a file of a page.

    Args:
        name: Name of the file with the digest of its content, as in the pages.
        request: The request, which tells whether the client takes compressed files.

    Raises:
        NotFound: No page uses a file of this name.
    """
    names = await asyncio.to_thread(_served_names)
    file = next((file for file, served in names.items() if served == name), None)
    if file is None:
        abort(HTTPStatus.NOT_FOUND)
    compressed = await asyncio.to_thread(_compressed, file)
    response = compressed.response(request)
    response.headers["Cache-Control"] = KEEP_FOR_GOOD
    return response


@functools.cache
def _compressed(file: str) -> Compressed:
    path = FOLDER / file
    return Compressed.of(path.read_bytes(), f"{MEDIA_TYPES[path.suffix]}; charset=utf-8")


@functools.cache
def _served_names() -> Mapping[str, str]:
    # The files are part of the package, and do not change while a server runs.
    files = sorted({*OPENAPI_PAGE.files, *ASYNCAPI_PAGE.files})
    return MappingProxyType({file: _served_name(FOLDER / file) for file in files})


def _served_name(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{path.stem}.{digest}{path.suffix}"
