"""The client behind reverse proxies, as they tell it in ``X-Forwarded-*`` or ``Forwarded``.

``X-Forwarded-For`` is no standard: some proxies write a port, or IPv6 in brackets. ``Forwarded`` is
RFC 7239. An address that cannot be read is no address, rather than that of the proxy: whoever
decides by address must not take a client for somebody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    Headers = Iterable[tuple[bytes, bytes]]

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
    """What proxies tell of a request's origin; None for what they do not tell.

    Attributes:
        client: Address of the client, as it was written.
        scheme: Scheme that the client used.
        host: Host that the client asked.
    """

    client: str | None = None
    scheme: str | None = None
    host: str | None = None


class Forwarded:
    """An ASGI app that believes a number of proxies.

    Args:
        app: The app behind.
        hops: Number of proxies in front whose headers are believed, 1 or more.
    """

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]], hops: int) -> None:
        self._app = app
        self._hops = hops

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Pass a request on, as it left its client."""
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
            # A proxy writes one of the two headers. Where both are there and differ, the client
            # wrote the other, and nobody knows which.
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


def usual(headers: Headers, hops: int) -> Origin | None:
    """Return the origin in ``X-Forwarded-*``; None where there are no such headers.

    Args:
        headers: Headers of the request.
        hops: Number of proxies that are believed.
    """
    names = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
    found = [_believed(headers, name, hops) for name in names]
    return None if found == [None, None, None] else Origin(*found)


def standard(headers: Headers, hops: int) -> Origin | None:
    """Return the origin in ``Forwarded``; None where there is no such header.

    Args:
        headers: Headers of the request.
        hops: Number of proxies that are believed.
    """
    element = _believed(headers, b"forwarded", hops)
    if element is None:
        return None
    if _PAIRS.fullmatch(element) is None:
        # A client may have opened a quotation that swallows what the proxy wrote after it.
        return Origin(element)
    pairs = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}
    # An element without an address says that its proxy does not tell.
    return Origin(pairs.get("for", "unknown"), pairs.get("proto"), pairs.get("host"))


def address_of(node: str) -> str | None:
    """Return the IP address in what a proxy wrote, without port, brackets and zone.

    Args:
        node: ``192.0.2.1``, ``192.0.2.1:4711``, ``2001:db8::1``, ``[2001:db8::1]:4711``,
            ``fe80::1%eth0`` and the like.

    Returns:
        The address, an IPv4 address in IPv6 as IPv4; None where there is none, as in ``unknown``.
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


def _believed(headers: Headers, wanted: bytes, hops: int) -> str | None:
    """The element of a header that the farthest proxy wrote of those that are believed."""
    lines = [value.decode("latin1") for name, value in headers if name == wanted]
    # Several lines are one list (RFC 9110, section 5.3).
    elements = _elements(",".join(lines)) if lines else []
    return elements[-hops].strip() if len(elements) >= hops else None


def _elements(text: str) -> list[str]:
    """The elements of a list, which commas part unless they are quoted."""
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
