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

if TYPE_CHECKING:
    from quartapp.http.answers import ApiError

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
<p>{message}</p>
{fields}<p>Request <code>{request}</code></p>
</main>
</body>
</html>
"""


def error_page(error: ApiError) -> Response:
    """Return the page that tells of ``error``, with its status and headers."""
    told = "".join(
        f"<li>{escape(': '.join(filter(None, (field.field, field.message))))}</li>\n"
        for field in error.fields
    )
    text = _PAGE.format(
        title=escape(HTTPStatus(error.status).phrase),
        message=escape(error.message),
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
