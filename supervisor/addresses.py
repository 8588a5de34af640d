"""Addresses to listen on, as ``supervisor.yaml`` has them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

Address = tuple[str, int]
"""Host and port."""


def is_loopback(host: str) -> bool:
    """Whether nobody but this host can reach it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def collide(one: Address, other: Address) -> bool:
    """Whether only one of them can be listened on.

    ``::`` takes IPv4 as well (ipv6(7), IPV6_V6ONLY); port 0 is another each time.
    """
    if one[1] != other[1] or one[1] == 0:
        return False
    hosts = _parsed(one[0]), _parsed(other[0])
    if hosts[0] == hosts[1] or IPv6Address("::") in hosts:
        return True
    return IPv4Address(0) in hosts and not any(isinstance(each, IPv6Address) for each in hosts)


def _parsed(host: str) -> IPv4Address | IPv6Address | str:
    try:
        return ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return host
