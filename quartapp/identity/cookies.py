"""Sign-in by cookie for pages, and whether a connection comes from a page of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from quart import request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quart.wrappers import Request, Response, Websocket

log = structlog.get_logger("quartapp.http")

NAME = "quartapp_session"
# Browsers take a cookie with this prefix only over TLS, for the whole host, and for no other host.
TLS_PREFIX = "__Host-"

_SECURE = frozenset({"https", "wss"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PAGE_SCHEMES = {"ws": "http", "wss": "https"}


class Cookies:
    """The session cookie, in which a page's browser keeps a token that no script can read.

    Args:
        seconds: Time for which browsers keep the cookie: the lifetime of a token.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = int(seconds)
        self._has_warned = False

    def sign_in(self, response: Response, token: str) -> None:
        """Set the session cookie. Call it while a request is handled.

        Args:
            response: The answer that carries the cookie.
            token: A token of this server, as ``core().tokens`` issues it.
        """
        if not is_secure(request) and not self._has_warned:
            self._has_warned = True
            log.warning("session cookie over plain HTTP: whoever listens in can take it; use TLS")
        self._set(response, token, self._seconds)

    def sign_out(self, response: Response) -> None:
        """Clear the session cookie. Call it while a request is handled.

        The token itself stays valid until it ends or is revoked.

        Args:
            response: The answer that clears the cookie.
        """
        self._set(response, "", 0)

    def token(self, connection: Request | Websocket) -> str | None:
        """Return the token in the session cookie, unless an ``Authorization`` header is there.

        The cookie of a plain HTTP connection does not count over TLS, where another host of the
        same domain could have set it. Two cookies of the name count for nothing: somebody else may
        have set one of them, and the server cannot tell which.

        Args:
            connection: The request or the handshake.
        """
        if "Authorization" in connection.headers:
            return None
        sent = set(_values(connection))
        return sent.pop() or None if len(sent) == 1 else None

    def is_sent(self, connection: Request | Websocket) -> bool:
        """Tell whether ``connection`` carries the session cookie, whatever it is worth.

        Args:
            connection: The request or the handshake.
        """
        return any(True for _ in _values(connection))

    def _set(self, response: Response, value: str, seconds: int) -> None:
        response.set_cookie(
            _name(request),
            value,
            max_age=seconds,
            path="/",
            secure=is_secure(request),
            httponly=True,
            samesite="Lax",
        )


def is_secure(connection: Request | Websocket) -> bool:
    """Tell whether ``connection`` came by TLS, to this server or to a trusted proxy."""
    return connection.scheme in _SECURE


def is_own_origin(connection: Request | Websocket) -> bool:
    """Tell whether the ``Origin`` of ``connection`` is the origin that the connection was made to.

    Behind trusted proxies, that is the origin which they forward. Without the header, or with one
    that is not an origin, the answer is no.
    """
    scheme = _PAGE_SCHEMES.get(connection.scheme, connection.scheme)
    own = _origin(f"{scheme}://{connection.host}")
    return own is not None and own == _origin(connection.headers.get("Origin", ""))


def _values(connection: Request | Websocket) -> Iterator[str]:
    # Read from the header itself. Werkzeug strips blanks from names that browsers take for a part
    # of the name, so that a cookie which only looks like one with the prefix would count.
    name = _name(connection)
    for header in connection.headers.getlist("Cookie"):
        for pair in header.split(";"):
            key, _, value = pair.partition("=")
            if key.strip(" \t") == name:
                yield value.strip(" \t")


def _name(connection: Request | Websocket) -> str:
    return TLS_PREFIX + NAME if is_secure(connection) else NAME


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme)
