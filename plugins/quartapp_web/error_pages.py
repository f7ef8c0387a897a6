"""Pages that tell of refusals."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from quart import request
from structlog.contextvars import get_contextvars

from quartapp import core, see_other
from quartapp_web.rendering import Pages

if TYPE_CHECKING:
    from quart import Response

LONGEST_PATH = 2000


def page_of_error(status: int, message: str) -> Response | None:
    """Return the page that tells of a refusal, or None for a path of somebody else.

    A visitor who is not signed in is led to the sign-in, and from there to the page they asked for.

    Args:
        status: HTTP status code.
        message: Message of the refusal.
    """
    path = request.path
    if path != "/app" and not path.startswith("/app/"):
        return None
    if status == HTTPStatus.UNAUTHORIZED:
        return see_other(_sign_in(path))
    told = get_contextvars().get("request_id", "")
    pages = core().services.get(Pages)
    return pages.page("error.html", status, status=status, message=message, request_id=told)


def _sign_in(path: str) -> str:
    asked = quote(path)
    if request.query_string:
        asked += "?" + request.query_string.decode("ascii", "replace")
    if request.method != "GET" or len(asked) > LONGEST_PATH:
        return "/app/sign-in"
    return "/app/sign-in?" + urlencode({"next": asked})
