"""Which network addresses a webhook may be sent to.

Whoever may name an endpoint could else have this server talk to what only it can reach: services on
its own machine, its network, the metadata service of a cloud.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Resolve = Callable[[str, int], Awaitable[list[str]]]

Address = IPv4Address | IPv6Address

# RFC 6052: a translator reads the IPv4 address in the last four bytes.
_NAT64 = IPv6Network("64:ff9b::/96")
_RESOLVER_THREADS = 4


class AddressRefusedError(Exception):
    """A name that leads to an address which is not public."""


class Resolver:
    """The system's resolver, in threads of its own.

    A name server that hangs holds a thread for half a minute; the threads that everything else
    runs in must not be those.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, "webhooks-resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of ``host``, the preferred one first.

        Raises:
            OSError: It has none, or the resolver does not know.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except UnicodeError as error:  # a label that is empty or too long
            raise OSError(str(error)) from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def checked_addresses(
    resolve: Resolve, host: str, port: int, *, allow_private: bool
) -> list[str]:
    """The addresses that ``host`` has now, all of them fit to be sent to.

    Args:
        resolve: Finds them.
        host: A name or an address.
        port: Where to.
        allow_private: Whether any address will do.

    Raises:
        AddressRefusedError: One is not public: then none is used, as a name with addresses of
            both kinds is either a mistake or a trick.
        OSError: There are none.
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
    """``host`` as an address, or None when it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether ``address`` is somebody's on the internet.

    An IPv6 address that stands for an IPv4 address is judged as that one.
    """
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    # Teredo and IPv4-compatible addresses need no unpacking: their ranges are not global, or
    # reserved.
    return address.sixtofour
