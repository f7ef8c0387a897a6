"""Network addresses: who reaches a server, and where a client is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def client_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address of a client, such as that in ``request.remote_addr``.

    On an IPv6 socket, an IPv4 client has an address like ``::ffff:192.0.2.1``.

    Args:
        text: The address; None if it is unknown.

    Returns:
        The address, an IPv4 address in IPv6 as IPv4; None for a text that is no address.
    """
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine as it calls itself, which nobody else reaches.

    Args:
        host: Address or name. Of names, only ``localhost`` counts, as another name may lead
            anywhere.
    """
    name = host.removeprefix("[").removesuffix("]").lower()
    address = client_address(name)
    return name == "localhost" or (address is not None and address.is_loopback)
