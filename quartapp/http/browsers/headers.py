"""Headers that keep browsers, and caches on the way, from doing harm with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.http.browsers.csrf import SAFE_METHODS
from quartapp.identity.cookies import is_secure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quart.wrappers import Request
    from werkzeug.datastructures import Headers

    from quartapp.identity.cookies import Cookies

REFUSED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The protective headers of an answer that no request context has."""
HSTS_SECONDS = 365 * 24 * 3600

# What browsers show as a page, scripts and all, when somebody opens the address.
_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
)


def content_security_policy(frame_ancestors: Sequence[str]) -> str:
    """Return the policy of pages: nothing runs or loads that does not come from this server.

    Args:
        frame_ancestors: Origins whose pages may show this server's pages in a frame.
    """
    ancestors = " ".join(frame_ancestors) or "'none'"
    return "; ".join((*_POLICY, f"frame-ancestors {ancestors}"))


def protect(
    headers: Headers,
    current: Request,
    cookies: Cookies,
    frame_ancestors: Sequence[str],
    *,
    personal: bool,
) -> None:
    """Add the protective headers of an answer; those that the operation has set stay.

    Args:
        headers: The headers of the answer.
        current: The request that is answered.
        cookies: Knows the session cookie.
        frame_ancestors: Origins whose pages may show this server's pages in a frame.
        personal: Whether the operation answers signed-in callers alone, with whatever credentials.
    """
    # The headers are read once: each look by name walks all of them, and each answer comes by here.
    present = {name.lower(): value for name, value in headers}

    def add(name: str, value: str) -> None:
        if name.lower() not in present:
            headers.add(name, value)

    add("X-Content-Type-Options", "nosniff")
    # What is no GET may be answered with a token. Caches do not keep such answers, and are told so.
    if (
        personal
        or current.method not in SAFE_METHODS
        or "set-cookie" in present
        or _has_credentials(current, cookies)
    ):
        add("Cache-Control", "private, no-cache" if "etag" in present else "no-store")
    if present.get("content-type", "").partition(";")[0].strip().lower() in _PAGES:
        add("Content-Security-Policy", content_security_policy(frame_ancestors))
        add("Cross-Origin-Opener-Policy", "same-origin")
        # This tells other sites nothing either. But under no-referrer, browsers send the page's own
        # forms with `Origin: null`, and over plain HTTP nothing else proves a form's origin.
        add("Referrer-Policy", "same-origin")
    else:
        add("Referrer-Policy", "no-referrer")
    if is_secure(current):
        add("Strict-Transport-Security", f"max-age={HSTS_SECONDS}")


def _has_credentials(current: Request, cookies: Cookies) -> bool:
    return "Authorization" in current.headers or cookies.is_sent(current)
