"""Pages: what a browser shows of a refusal, and the redirect after a form."""

from __future__ import annotations

import re
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from quart.wrappers import Response
from structlog.contextvars import get_contextvars
from werkzeug.urls import iri_to_uri

from quartapp.http.declaration import HTML
from quartapp.http.routes import routes

if TYPE_CHECKING:
    from quart import Quart

    from quartapp.http.answers import ApiError

EXTENSION = "quartapp.pages"

_API = "api"
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{message}{fields}<p>Request <code>{request}</code></p>
</main>
</body>
</html>
"""


def note_pages(app: Quart) -> None:
    """Note where pages are, so that a mistyped address among them is answered as a page too.

    Args:
        app: The application under construction, with all its routes.
    """
    app.extensions[EXTENSION] = frozenset(
        _first_word(route.path) for route in routes(app) if route.operation.page
    ) - {_API, ""}


def is_among_pages(app: Quart, path: str) -> bool:
    """Tell whether ``path`` begins with the same word as the path of a page."""
    return _first_word(path) in app.extensions[EXTENSION]


def error_page(error: ApiError) -> Response:
    """Return the page that tells of ``error``, with its status and headers."""
    told = "".join(
        f"<li>{escape(': '.join(filter(None, (field.field, field.message))))}</li>\n"
        for field in error.fields
    )
    title = HTTPStatus(error.status).phrase
    text = _PAGE.format(
        title=escape(title),
        message=f"<p>{escape(error.message)}</p>\n" if error.message != title else "",
        fields=f"<ul>\n{told}</ul>\n" if told else "",
        request=escape(str(get_contextvars().get("request_id", ""))),
    )
    response = Response(text, error.status, mimetype=HTML)
    response.headers.update(error.headers)
    return response


def see_other(path: str) -> Response:
    """Return the redirect that sends a browser to another page after a form (303).

    Args:
        path: Path on this server, with its query. It may come from a client: a browser is never
            sent to another site.

    Raises:
        ValueError: It is no path on this server.
    """
    if _OWN_PATH.fullmatch(path) is None:
        raise ValueError("a redirect leads to a path on this server")
    return Response("", HTTPStatus.SEE_OTHER, {"Location": iri_to_uri(path)}, mimetype=HTML)


def _first_word(path: str) -> str:
    word = path.removeprefix("/").partition("/")[0]
    return "" if "{" in word else word
