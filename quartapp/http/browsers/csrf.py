"""The proof of origin that a change from a browser needs.

A browser sends a cookie along with whatever any site makes it send. So the cookie alone changes
nothing: a request that may change something also has to prove that a page of this server sent it.
A form is refused even without a cookie when another site sends it: that site could sign a visitor
in as somebody else, or reach a server that only the visitor's network reaches.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quartapp.http.answers import ApiError
from quartapp.identity.cookies import is_own_origin

if TYPE_CHECKING:
    from quart.wrappers import Request

CROSS_SITE = "Forbidden, cross-site request"
SAFE_METHODS = frozenset({"GET", "HEAD"})

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def refuse_cross_site(current: Request) -> None:
    """Refuse a request by cookie that another site may have made the browser send.

    Args:
        current: A request that is authenticated by the session cookie.

    Raises:
        ApiError: 403, the method may change something, and the request does not prove that a page
            of this server sent it, or has a body that is neither JSON nor a form.
    """
    if current.method in SAFE_METHODS:
        return
    if not (_is_same_origin(current) and _is_json_or_form(current)):
        raise ApiError(HTTPStatus.FORBIDDEN, CROSS_SITE)


def refuse_other_sites(current: Request) -> None:
    """Refuse a request that a browser says another site has made it send.

    A client that is no browser says nothing about sites, and is let through.

    Args:
        current: A request for a page, with or without credentials.

    Raises:
        ApiError: 403, the method may change something, and another site has sent the request.
    """
    if current.method in SAFE_METHODS:
        return
    told = "Sec-Fetch-Site" in current.headers or "Origin" in current.headers
    if told and not _is_same_origin(current):
        raise ApiError(HTTPStatus.FORBIDDEN, CROSS_SITE)


def _is_same_origin(current: Request) -> bool:
    # Browsers leave Sec-Fetch-Site out over plain HTTP. Where it is, it is the better witness: it
    # does not depend on what a proxy forwards.
    site = current.headers.get("Sec-Fetch-Site")
    return is_own_origin(current) if site is None else site == "same-origin"


def _is_json_or_form(current: Request) -> bool:
    # Another site can have text/plain sent without asking first.
    if "Content-Type" not in current.headers:
        return not current.content_length and "Transfer-Encoding" not in current.headers
    return current.is_json or current.mimetype in _FORMS
