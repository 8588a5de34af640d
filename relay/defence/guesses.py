"""Wrong tokens: how many of them one container, or one user outside of any, may show.

A token has 256 bits and cannot be guessed; what trying costs the daemon is bounded all the same,
and whoever tries is named in the log. Others' calls, of the same user too, are not slowed down.
"""

from __future__ import annotations

import asyncio

from relay.defence.allowance import Allowance
from relay.defence.offences import Offence, Offences
from relay.defence.origin import Origin, Origins, uid_of, unix_socket

_MOST_SUSPECTS = 4096


class Guesses:
    """The wrong tokens of late."""

    def __init__(self, burst: int, per_second: float, origins: Origins, offences: Offences) -> None:
        self._allowance: Allowance[Origin] = Allowance(burst, per_second)
        self._origins = origins
        self._offences = offences
        self._suspects: set[int] = set()
        """Users of whom there was one; nobody else's origin is looked up."""

    def are_used_up(self, transport: asyncio.BaseTransport | None) -> bool:
        """Whether this peer is not listened to at the moment, whatever it shows."""
        sock = unix_socket(transport)
        if sock is None or uid_of(sock) not in self._suspects:
            return False
        origin = self._origins.of(sock)
        is_over = self._allowance.is_used_up(origin)
        if is_over:
            self._offences.note(Offence.WRONG_TOKENS, origin)
        return is_over

    def count(self, transport: asyncio.BaseTransport | None) -> None:
        """This peer has shown a wrong one."""
        sock = unix_socket(transport)
        if sock is None:
            return
        origin = self._origins.of(sock)
        if len(self._suspects) >= _MOST_SUSPECTS:
            self._suspects.clear()
        self._suspects.add(origin.uid)
        self._allowance.take(origin)
        self._offences.note(Offence.WRONG_TOKENS, origin)
