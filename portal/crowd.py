"""How many connections there are, in all and by address: nobody is to take every descriptor.

A proxy that is trusted has everybody's connections: it counts in all, and not by its address. So do
those by the Unix socket.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable

import structlog

from portal.config import ConnectionsConfig
from portal.networks import network_of

_DESCRIPTORS_EACH = 3
"""A display has two; what is left is for calls, files and everything else."""
_SILENT_SECONDS = 60.0
"""Between two lines about those who were turned away."""

_log = structlog.get_logger()


class Crowd:
    """Counts; ``clock`` is in seconds."""

    def __init__(self, config: Callable[[], ConnectionsConfig], clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._by_network: Counter[str] = Counter()
        self._total = 0
        self._turned_away = 0
        self._told_at: float | None = None

    @property
    def total(self) -> int:
        """All there are."""
        return self._total

    def enter(self, address: str | None) -> bool:
        """Whether there is room for one more, which counts from now on.

        ``address`` of ``None``: of somebody who brings many.
        """
        most = self._config().total or _most_by_descriptors()
        # However the bounds are set, half of the room is for others.
        most_of_one = min(self._config().per_address, max(1, most // 2))
        network = None if address is None else network_of(address)
        if self._total >= most:
            self._turn_away(address, "total", most)
            return False
        if network is not None and self._by_network[network] >= most_of_one:
            self._turn_away(address, "per_address", most_of_one)
            return False
        self._total += 1
        if network is not None:
            self._by_network[network] += 1
        return True

    def leave(self, address: str | None) -> None:
        """One that has entered is gone."""
        self._total -= 1
        if address is not None:
            network = network_of(address)
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _turn_away(self, address: str | None, bound: str, most: int) -> None:
        self._turned_away += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < _SILENT_SECONDS:
            return
        count, self._turned_away, self._told_at = self._turned_away, 0, now
        _log.warning(
            "connections_refused",
            remote=address or "a trusted proxy",
            bound=f"listen.connections.{bound}",
            most=most,
            count=count,
        )


def _most_by_descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _DESCRIPTORS_EACH
