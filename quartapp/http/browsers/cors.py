"""Cross-origin requests: access to the API for pages of other origins (Fetch, section 3.2).

Quart-CORS sets the headers of answers. This module answers preflights of every path: the routes
have no ``OPTIONS``, and a page has to see the answer to a wrong path or method as well.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quart import Response, request
from quart_cors import cors

from quartapp.http.idempotency import REPLAYED
from quartapp.settings.core import ANY_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Collection

    from quart import Quart

# Headers that scripts may read in addition to the headers that every page may read.
EXPOSED = (
    "ETag",
    REPLAYED,
    "Link",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)
# Browsers cache the answer to a preflight for no longer than this time.
PREFLIGHT_SECONDS = 7200


def register_cors(app: Quart, origins: Collection[str]) -> None:
    """Let pages of other origins use the API.

    Args:
        app: The app.
        origins: Origins of the pages; ``*`` for pages of any origin, which then send no cookies.
            Without origins, the function changes nothing.
    """
    if not origins:
        return
    cors(
        app,
        allow_origin=origins,
        allow_credentials=ANY_ORIGIN not in origins,
        expose_headers=EXPOSED,
        max_age=PREFLIGHT_SECONDS,
    )

    @app.before_request
    async def answer_preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=HTTPStatus.NO_CONTENT)
        return None
