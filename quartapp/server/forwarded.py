"""The client behind reverse proxies, which name it in ``X-Forwarded-*`` or ``Forwarded``.

``X-Forwarded-For`` is no standard: some proxies write a port, or IPv6 in brackets. ``Forwarded`` is
RFC 7239. An unreadable address gives a client without an address, and never the proxy's address:
rules about addresses must not take one client for another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    RawHeaders = Iterable[tuple[bytes, bytes]]

log = structlog.get_logger("quartapp.server")

LONGEST_SHOWN = 100
SOCKET_SCHEMES = {"http": "ws", "https": "wss"}

_PORT = r"(?::(?:[0-9]{1,5}|_[\w.-]+))?"
_NODE = re.compile(rf"\[(?P<six>[^\]]*)\]{_PORT}|(?P<four>[0-9.]+){_PORT}|(?P<bare>[^\[\]]+)")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PAIR = re.compile(rf"\s*([\w!#$%&'*+.^`|~-]+)=({_QUOTED}|[^\s;,\"]*)\s*")
_PAIRS = re.compile(rf"(?:{_PAIR.pattern})(?:;{_PAIR.pattern})*")


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request in the headers of proxies.

    Attributes:
        client: Address of the client as a proxy wrote it; None if no proxy wrote it.
        scheme: Scheme that the client used; None if no proxy wrote it.
        host: Host that the client asked; None if no proxy wrote it.
    """

    client: str | None = None
    scheme: str | None = None
    host: str | None = None


class Forwarded:
    """An ASGI app that believes a number of proxies.

    Args:
        app: The app behind.
        hops: Number of trusted proxies in front, 1 or more.
    """

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]], hops: int) -> None:
        self._app = app
        self._hops = hops

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Pass a request on with the client's address, scheme and host."""
        if scope["type"] in ("http", "websocket"):
            scope = self._at_origin(scope)
        await self._app(scope, receive, send)

    def _at_origin(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        headers = list(scope["headers"])
        origins = [found for read in (usual, standard) if (found := read(headers, self._hops))]
        changed = dict(scope)
        written = [origin.client for origin in origins if origin.client is not None]
        if written:
            addresses = {address_of(client) for client in written}
            # A proxy writes one of the two headers. If both exist and differ, the client wrote one
            # of them, and nobody knows which.
            address = addresses.pop() if len(addresses) == 1 else None
            if address is None:
                shown = ", ".join(written)[:LONGEST_SHOWN]
                log.warning("address of a client cannot be read", forwarded=shown)
            changed["client"] = None if address is None else (address, 0)
        scheme = next((origin.scheme for origin in origins if origin.scheme), None)
        if scheme is not None:
            scheme = scheme.lower()
            socket = scope["type"] == "websocket"
            changed["scheme"] = SOCKET_SCHEMES.get(scheme, scheme) if socket else scheme
        host = next((origin.host for origin in origins if origin.host), None)
        if host is not None:
            others = [(name, value) for name, value in headers if name.lower() != b"host"]
            changed["headers"] = [*others, (b"host", host.encode("latin1"))]
        return changed


def usual(headers: RawHeaders, hops: int) -> Origin | None:
    """Return the origin in ``X-Forwarded-*``, or None without such headers.

    Args:
        headers: Headers of the request.
        hops: Number of trusted proxies.
    """
    names = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
    found = [_believed(headers, name, hops) for name in names]
    return None if found == [None, None, None] else Origin(*found)


def standard(headers: RawHeaders, hops: int) -> Origin | None:
    """Return the origin in ``Forwarded``, or None without the header.

    Args:
        headers: Headers of the request.
        hops: Number of trusted proxies.
    """
    element = _believed(headers, b"forwarded", hops)
    if element is None:
        return None
    if _PAIRS.fullmatch(element) is None:
        # A client may have opened a quotation that includes the text of the proxy after it.
        return Origin(element)
    pairs = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}
    # An element without an address means that the proxy does not know the address.
    return Origin(pairs.get("for", "unknown"), pairs.get("proto"), pairs.get("host"))


def address_of(node: str) -> str | None:
    """Return the IP address in the text of a proxy, without port, brackets and zone.

    Args:
        node: Text such as ``192.0.2.1``, ``192.0.2.1:4711``, ``2001:db8::1``,
            ``[2001:db8::1]:4711`` or ``fe80::1%eth0``.

    Returns:
        The address, an IPv4 address in IPv6 as IPv4; None without one, as for ``unknown``.
    """
    found = _NODE.fullmatch(node.strip())
    if found is None:
        return None
    written = found["six"] or found["four"] or found["bare"] or ""
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _believed(headers: RawHeaders, wanted: bytes, hops: int) -> str | None:
    """Return the element of a header that the farthest trusted proxy wrote."""
    lines = [value.decode("latin1") for name, value in headers if name == wanted]
    # Several lines are one list (RFC 9110, section 5.3).
    elements = _elements(",".join(lines)) if lines else []
    return elements[-hops].strip() if len(elements) >= hops else None


def _elements(text: str) -> list[str]:
    """Split a list at its commas, except at commas inside quotations."""
    elements, begin, quoted, escaped = [], 0, False, False
    for position, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == '"':
            quoted = not quoted
        elif letter == "\\":
            escaped = quoted
        elif letter == "," and not quoted:
            elements.append(text[begin:position])
            begin = position + 1
    return [*elements, text[begin:]]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
