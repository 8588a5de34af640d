"""Addresses as they are counted: of IPv6 a /64, which is what one customer has at the least.

Where a socket takes both families, IPv4 comes as ``::ffff:192.0.2.7``, all of it in one /64.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def address_of(text: str) -> IPv4Address | IPv6Address:
    """The address that is written there, IPv4 as such. Raises ValueError."""
    parsed = ip_address(text)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def network_of(address: str) -> str:
    """What an address counts as; whatever is none counts as itself."""
    try:
        parsed = address_of(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
