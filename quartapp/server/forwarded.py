"""The client behind reverse proxies, which name it in ``X-Forwarded-*`` or ``Forwarded``.

``X-Forwarded-For`` is no standard: some proxies write a port, or IPv6 in brackets. ``Forwarded`` is
RFC 7239. An unreadable address gives a client without an address, and never the proxy's address:
rules about addresses must not take one client for another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

import structlog

from quartapp.settings.reach import client_address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    RawHeaders = Iterable[tuple[bytes, bytes]]
    Networks = Sequence[IPv4Network | IPv6Network]

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
    """An ASGI app that believes trusted proxies.

    Args:
        app: The app behind.
        trusted: Networks of the trusted proxies, or the number of trusted proxies in front,
            whatever their addresses are.
    """

    def __init__(
        self, app: Callable[[Any, Any, Any], Awaitable[None]], trusted: int | Networks
    ) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Pass a request on with the client's address, scheme and host."""
        if scope["type"] in ("http", "websocket") and self._is_proxy(scope["client"]):
            scope = self._at_origin(scope)
        await self._app(scope, receive, send)

    def _is_proxy(self, peer: tuple[str, int] | None) -> bool:
        if isinstance(self._trusted, int):
            return True
        return peer is not None and is_within(address_of(peer[0]), self._trusted)

    def _at_origin(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        headers = list(scope["headers"])
        origins = [found for read in (usual, standard) if (found := read(headers, self._trusted))]
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


def usual(headers: RawHeaders, trusted: int | Networks) -> Origin | None:
    """Return the origin in ``X-Forwarded-*``, or None without such headers.

    Args:
        headers: Headers of the request, which a trusted proxy sent.
        trusted: Networks of the trusted proxies, or their number.
    """
    names = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
    clients, *others = (_list(headers, name) for name in names)
    if isinstance(trusted, int):
        found = [_believed(elements, trusted) for elements in (clients, *others)]
    else:
        # Proxies add to the list of clients, but many replace the scheme and the host.
        hops = _hops(clients, trusted)
        found = [_believed(one, min(hops, len(one))) for one in (clients, *others)]
    return None if found == [None, None, None] else Origin(*found)


def standard(headers: RawHeaders, trusted: int | Networks) -> Origin | None:
    """Return the origin in ``Forwarded``, or None without the header.

    Args:
        headers: Headers of the request, which a trusted proxy sent.
        trusted: Networks of the trusted proxies, or their number.
    """
    elements = _list(headers, b"forwarded")
    if isinstance(trusted, int):
        hops = trusted
    else:
        hops = _hops([_origin(element).client or "" for element in elements], trusted)
    element = _believed(elements, hops)
    return None if element is None else _origin(element)


def is_within(address: str | None, networks: Networks) -> bool:
    """Tell whether an address is in one of the networks.

    Args:
        address: The address; None is in no network.
        networks: The networks.
    """
    return address is not None and any(ip_address(address) in network for network in networks)


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
    address = client_address(written.partition("%")[0])
    return None if address is None else str(address)


def _origin(element: str) -> Origin:
    if _PAIRS.fullmatch(element) is None:
        # A client may have opened a quotation that includes the text of the proxy after it.
        return Origin(element)
    pairs = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}
    # An element without an address means that the proxy does not know the address.
    return Origin(pairs.get("for", "unknown"), pairs.get("proto"), pairs.get("host"))


def _hops(clients: Sequence[str], networks: Networks) -> int:
    """Return the number of trusted proxies, the peer included, by what they say of each other."""
    hops = 1
    # Nobody has written where the first client would have come from.
    for client in reversed(clients[1:]):
        if not is_within(address_of(client), networks):
            break
        hops += 1
    return hops


def _list(headers: RawHeaders, wanted: bytes) -> list[str]:
    lines = [value.decode("latin1") for name, value in headers if name == wanted]
    # Several lines are one list (RFC 9110, section 5.3).
    return _elements(",".join(lines)) if lines else []


def _believed(elements: Sequence[str], hops: int) -> str | None:
    """Return the element that the farthest trusted proxy wrote."""
    return elements[-hops].strip() if len(elements) >= hops > 0 else None


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
