"""Whose turn it is: the sessions with events to deliver, each with one place in one row.

A lane is in the row, or waiting for its next attempt, or out (somebody delivers its events). So no
session has two requests at once, and its events keep their order; a session that is refused waits
on its own and holds up nobody.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from relay.ports import Stretch
from supervisor.lifecycle.session import SessionId


@dataclass(slots=True, eq=False)
class Lane:
    """A session's events to deliver: ``first`` is the next, ``last`` the last that is known."""

    session_id: SessionId
    first: int
    last: int
    failures: int = 0
    """Attempts in a row that came to nothing."""

    @property
    def stretch(self) -> Stretch:
        """What is to be delivered."""
        return Stretch(self.session_id, self.first, self.last)


class Lanes:
    """All lanes. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._lanes: dict[SessionId, Lane] = {}
        self._row: dict[SessionId, Lane] = {}
        self._waiting: list[tuple[float, int, Lane]] = []
        self._ticket = count()

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def waiting(self) -> int:
        """How many have been refused and wait for another attempt."""
        return len(self._waiting)

    def add(self, stretch: Stretch) -> None:
        """More events of a session, all of them after those that are known."""
        lane = self._lanes.get(stretch.session_id)
        if lane is not None:
            lane.last = max(lane.last, stretch.last)
            return
        lane = Lane(stretch.session_id, stretch.first, stretch.last)
        self._lanes[lane.session_id] = self._row[lane.session_id] = lane

    def take(self, now: float, *, unspoilt: bool = False) -> Lane | None:
        """The lane whose turn it is, until it is given back; ``None``: nobody's.

        ``unspoilt``: rather the one that has been refused least.
        """
        while self._waiting and self._waiting[0][0] <= now:
            lane = heapq.heappop(self._waiting)[2]
            self._row[lane.session_id] = lane
        if not self._row:
            return None
        chosen = min(self._row, key=lambda each: self._row[each].failures) if unspoilt else None
        return self._row.pop(chosen or next(iter(self._row)))

    def give_back(self, lane: Lane, due: float | None = None) -> None:
        """To the row's end, or not before ``due``; a lane without events is gone."""
        if lane.first > lane.last:
            del self._lanes[lane.session_id]
        elif due is None:
            self._row[lane.session_id] = lane
        else:
            heapq.heappush(self._waiting, (due, next(self._ticket), lane))

    def next_due(self) -> float | None:
        """When the next of those that wait may be tried again."""
        return self._waiting[0][0] if self._waiting else None

    def positions(self) -> Mapping[SessionId, int]:
        """Of every lane the first event that is not delivered."""
        lanes = self._lanes.values()
        return {lane.session_id: lane.first for lane in lanes if lane.first <= lane.last}
