"""Connections of containers, taken or closed before anything is built for them.

All containers share one queue of connections that wait to be accepted. Whoever fills it makes all
others wait, so that what is refused has to be refused for next to nothing: here, by the user's
allowance and, when that is used up, by the container's own, so that one session of a user cannot
take the others' place. What is refused is not closed at once: whoever waits for an answer before
it tries again is slowed down to a try a second.

Whoever waits for nothing is slowed down by the queue: while connections are being refused it is
short, and left alone for a millisecond after a dozen of them or so. It is full then, and whoever
connects sleeps in the kernel, first come first served, instead of wearing out the host's cores.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import deque
from collections.abc import Callable

from relay.config import RelayLimits
from relay.defence.accepting import Accepting
from relay.defence.allowance import Allowance
from relay.defence.offences import Offence, Offences
from relay.defence.origin import Origin, Origins, credentials_of

BACKLOG = 4096
"""As much as Linux allows by default (net.core.somaxconn); agents have to wait while it is full."""
_ADMITTED_A_TURN = 32
_TURN_SECONDS = 0.001
"""Then others of the event loop have their turn."""
_FLOODED_BACKLOG = 4
"""While connections are refused: so few stand before a neighbour's; the others sleep."""
_REFUSED_A_TURN = 2
_REFUSED_A_SPELL = 16
"""In turns one after the other, so that whom the first has woken is served by the next."""
_REST_SECONDS = 0.001
"""After them. The loop's timers are no finer; refusing takes a quarter of a core with it."""
_CALM_SECONDS = 1.0
"""So long after the last refusal the queue has its full length again."""
_HELD_SECONDS = 1.0
_MOST_HELD = 1024
_REFUSED_SECONDS = 0.1
_MOST_REFUSED = 1024


class Turnstile:
    """Who may connect at the moment."""

    def __init__(self, limits: RelayLimits, origins: Origins, offences: Offences) -> None:
        self._users: Allowance[int] = Allowance(limits.user_connects, limits.user_connects_a_second)
        self._containers: Allowance[Origin] = Allowance(
            limits.container_connects, limits.container_connects_a_second
        )
        self._origins = origins
        self._offences = offences
        self._trusted = frozenset({0, os.geteuid()})
        self._clock = time.monotonic
        self._refused: dict[int, tuple[float, Origin]] = {}
        """Processes that get the same answer until then, for half the cost."""

    def admits(self, connection: socket.socket) -> bool:
        """Whether there is a place for it. False is counted as an offence."""
        pid, uid = credentials_of(connection)
        refused = self._refused.get(pid)
        now = self._clock()
        if refused is not None and now < refused[0]:
            self._offences.note(Offence.CONNECTIONS, refused[1])
            return False
        if self._users.take(uid):
            return True
        origin = self._origins.of(connection)
        if origin.container_id is None:
            is_admitted = uid in self._trusted
        else:
            is_admitted = self._containers.take(origin)
        if not is_admitted:
            self._refuse(pid, now, origin)
        return is_admitted

    def note_descriptors(self, connection: socket.socket) -> None:
        """Count a connection that brought descriptors where none are taken."""
        self._offences.note(Offence.DESCRIPTORS, self._origins.of(connection))

    def _refuse(self, pid: int, now: float, origin: Origin) -> None:
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.clear()
        self._refused[pid] = (now + _REFUSED_SECONDS, origin)
        self._offences.note(Offence.CONNECTIONS, origin)


class GatedServer(Accepting):
    """Accepts on a bound socket what the gate admits; ``close`` as that of ``asyncio.Server``."""

    def __init__(
        self, sock: socket.socket, factory: Callable[[], asyncio.Protocol], gate: Turnstile
    ) -> None:
        super().__init__(sock, factory, gate.note_descriptors, BACKLOG)
        self._gate = gate
        self._held: deque[tuple[float, socket.socket]] = deque()
        """Refused, with the time at which they are closed."""
        self._refused_at: float | None = None
        """While the queue is short."""
        self._spell = 0
        """Refused since the last rest."""

    def close(self) -> None:
        """Take nothing more; connections there are go on."""
        super().close()
        while self._held:
            self._held.popleft()[1].close()

    def _accept(self) -> None:
        admitted = refused = 0
        end = self._loop.time() + _TURN_SECONDS
        while admitted < _ADMITTED_A_TURN and refused < _REFUSED_A_TURN:
            connection = self._take()
            if connection is None:
                break
            if self._gate.admits(connection):
                admitted += 1
                self._enter(connection)
            else:
                refused += 1
                self._hold(connection)
            if self._loop.time() >= end:
                break
        if refused:
            self._slow_down(refused)

    def _slow_down(self, refused: int) -> None:
        if self._refused_at is None:
            self._sock.listen(_FLOODED_BACKLOG)
            self._loop.call_later(_CALM_SECONDS, self._calm_down)
        self._refused_at = self._loop.time()
        self._spell += refused
        if self._spell >= _REFUSED_A_SPELL:
            self._spell = 0
            self._pause(_REST_SECONDS)

    def _calm_down(self) -> None:
        if self._sock.fileno() < 0 or self._refused_at is None:
            return
        calm_at = self._refused_at + _CALM_SECONDS
        if self._loop.time() < calm_at:
            self._loop.call_at(calm_at, self._calm_down)
            return
        self._refused_at = None
        self._sock.listen(BACKLOG)

    def _hold(self, connection: socket.socket) -> None:
        if not self._held:
            self._loop.call_later(_HELD_SECONDS, self._let_go)
        elif len(self._held) >= _MOST_HELD:
            self._held.popleft()[1].close()
        self._held.append((self._loop.time() + _HELD_SECONDS, connection))

    def _let_go(self) -> None:
        now = self._loop.time()
        while self._held and self._held[0][0] <= now:
            self._held.popleft()[1].close()
        if self._held:
            self._loop.call_at(self._held[0][0], self._let_go)
