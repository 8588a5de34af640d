"""What is wrong with the engine, its events and the disk at present; stays when the daemon goes."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from supervisor.errors import EngineError
from tests.support.memory_engine import Call

Step = Call | Literal["start"]
"""A call, or the second request of a launch."""

Point = tuple[Step, bool]
"""Where a call can be held: before its work, or (True) with its answer."""


class Delivery(Enum):
    """What becomes of the engine's events."""

    PROMPT = "prompt"
    HELD = "held"
    """They wait until they are delivered by hand: late, in any order, twice or never."""
    LOST = "lost"


@dataclass(slots=True)
class Faults:
    """Turned by the machine's rules."""

    away: bool = False
    events: Delivery = Delivery.PROMPT
    full_disk: int = 0
    """How many of the next changes to the store are refused."""
    refused: defaultdict[Step, deque[EngineError]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    lost_answers: Counter[Step] = field(default_factory=Counter)
    late_work: list[Callable[[], object]] = field(default_factory=list)
    """Requests whose sender is gone, and which the engine will come to nevertheless."""
    _held: set[Point] = field(default_factory=set)
    _waiting: list[tuple[Point, asyncio.Future[None]]] = field(default_factory=list)

    @property
    def are_slow(self) -> bool:
        """Whether some calls are held."""
        return bool(self._held)

    def hold(self, step: Step, *, answer: bool) -> None:
        """From now on such calls are slow."""
        self._held.add((step, answer))

    def release(self) -> None:
        """Calls are quick again, and those that were held go on."""
        self._held.clear()
        waiting, self._waiting = self._waiting, []
        for _, going in waiting:
            if not going.done():
                going.set_result(None)

    async def pass_through(self, step: Step, *, answer: bool) -> None:
        """Be held at this point if it is slow."""
        if (step, answer) in self._held:
            going = asyncio.get_running_loop().create_future()
            self._waiting.append(((step, answer), going))
            await going

    def clear(self) -> None:
        """Everything is well again; what was held goes on."""
        self.away = False
        self.events = Delivery.PROMPT
        self.full_disk = 0
        self.refused.clear()
        self.lost_answers.clear()
        self.release()
