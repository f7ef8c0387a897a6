"""The network addresses to which webhooks may be sent.

Without these checks, whoever may name an endpoint could make this server talk to services that only
the server can reach: on its own machine, in its network, or the metadata service of a cloud.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Resolve = Callable[[str, int], Awaitable[list[str]]]

Address = IPv4Address | IPv6Address

# RFC 6052: a translator reads the IPv4 address from the last four bytes.
_NAT64 = IPv6Network("64:ff9b::/96")
# Blocks for special purposes (RFC 6890 and its registries) that some versions of Python take for
# global: protocol assignments, relays of 6to4, documentation.
_SPECIAL = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20", "5f00::/16"))
)


class AddressRefusedError(Exception):
    """The name leads to an address that is not public."""


class Resolver:
    """The system's resolver, in its own threads.

    A name server that does not answer blocks a thread for half a minute, which must not happen to
    the threads of other work.

    Args:
        threads: Number of names that can be resolved at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "webhooks-resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, the preferred one first.

        Args:
            host: Name or address of the host.
            port: Port of the endpoint.

        Raises:
            OSError: The host has no address, or the resolver failed.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except UnicodeError as error:  # a label is empty or too long
            raise OSError(str(error)) from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def checked_addresses(
    resolve: Resolve, host: str, port: int, *, allow_private: bool
) -> list[str]:
    """Return the present addresses of a host after checking that all of them are allowed.

    Args:
        resolve: Function that returns the addresses.
        host: Name or address of the host.
        port: Port of the endpoint.
        allow_private: Whether addresses that are not public are allowed.

    Raises:
        AddressRefusedError: At least one address is not public. None is used then: a name with
            public and private addresses is either a mistake or a trick.
        OSError: The host has no address.
    """
    found = await resolve(host, port)
    if not found:
        raise OSError(f"{host} has no address")
    if not allow_private:
        for address in found:
            if not is_public(ip_address(address)):
                raise AddressRefusedError(f"{host} is {address}, which is not a public address")
    return found


def literal_address(host: str) -> Address | None:
    """Return a literal address; None when the host is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address is public on the internet.

    An IPv6 address that represents an IPv4 address is judged as the IPv4 address.
    """
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    # Teredo and IPv4-compatible addresses need no conversion: their ranges are reserved or not
    # global.
    return address.sixtofour
