"""Who comes over the network, by address: how many connections, and how many wrong tokens.

Tokens cannot be guessed; what trying costs, a TLS handshake each time, is bounded all the same.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter

from relay.config import RelayLimits
from relay.defence.allowance import Allowance
from relay.defence.offences import Offence, Offences
from relay.defence.origin import Remote

_NETWORK_BITS = 64
"""Of an IPv6 address: the rest is for whoever has it to choose."""


def remote_of(address: str) -> Remote:
    """Whom an IP address stands for."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Remote(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return Remote(str(parsed))
    if parsed.ipv4_mapped is not None:
        return Remote(str(parsed.ipv4_mapped))
    network = ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False)
    return Remote(str(network))


def remote_at(transport: asyncio.BaseTransport | None) -> Remote | None:
    """Who is at the other end; ``None``: it is gone, or no TCP."""
    name = transport.get_extra_info("peername") if transport is not None else None
    return remote_of(str(name[0])) if isinstance(name, tuple) and name else None


class Remotes:
    """The connections of one address that the relay listens at."""

    def __init__(self, limits: RelayLimits, offences: Offences) -> None:
        self._most_connections = limits.connections_per_address
        self._most_handshakes = limits.tls_handshakes_per_address
        self._wrong: Allowance[Remote] = Allowance(
            limits.wrong_tokens, limits.wrong_tokens_a_second
        )
        self._connects: Allowance[Remote] = Allowance(
            limits.address_connects, limits.address_connects_a_second
        )
        self._offences = offences
        self._connections: Counter[Remote] = Counter()
        self._handshakes: Counter[Remote] = Counter()

    def enter(self, remote: Remote) -> bool:
        """Count a connection in, before its handshake; False: it is one too many, or too soon."""
        if self._wrong.is_used_up(remote):
            self._offences.note(Offence.WRONG_TOKENS, remote)
            return False
        if (
            self._connections[remote] >= self._most_connections
            or self._handshakes[remote] >= self._most_handshakes
            or not self._connects.take(remote)
        ):
            self._forget_idle(remote)
            self._offences.note(Offence.CONNECTIONS, remote)
            return False
        self._connections[remote] += 1
        self._handshakes[remote] += 1
        return True

    def settle(self, remote: Remote) -> None:
        """Its handshake is over, well or ill."""
        self._handshakes[remote] -= 1
        self._forget_idle(remote)

    def leave(self, remote: Remote) -> None:
        """The connection is over."""
        self._connections[remote] -= 1
        self._forget_idle(remote)

    def note_handshake(self, remote: Remote) -> None:
        """What it sent is no TLS of ours, or it took too long, or does not trust us."""
        self._wrong.take(remote)
        self._offences.note(Offence.TLS_HANDSHAKES, remote)

    def note_token(self, remote: Remote) -> None:
        """It has shown a wrong token, or none."""
        self._wrong.take(remote)
        self._offences.note(Offence.WRONG_TOKENS, remote)

    def _forget_idle(self, remote: Remote) -> None:
        for counts in (self._connections, self._handshakes):
            if not counts[remote]:
                del counts[remote]
