"""Who reaches a server, by the address that it listens on."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is reachable from this machine alone.

    Args:
        host: Address or name to listen on. Of names, only ``localhost`` counts, as another name
            may lead anywhere.
    """
    name = host.removeprefix("[").removesuffix("]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
