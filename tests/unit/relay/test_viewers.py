"""A share link does not keep those out who are in control."""

from __future__ import annotations

import pytest

from relay.problems import ProblemError
from relay.viewers import Viewer, Viewers
from supervisor.lifecycle.tickets import Mode, Ticket
from tests.support.sessions import NOW, SESSION_ID


def viewer(mode: Mode) -> Viewer:
    """One more."""
    return Viewer(Ticket("key", SESSION_ID, mode, None, NOW))


async def test_those_who_only_look_leave_room_for_control() -> None:
    """429 for the third of two; control still gets in, until all places are taken."""
    viewers = Viewers(most=3, most_view_only=2)
    looking = [viewer(Mode.VIEW) for _ in range(2)]
    for each in looking:
        viewers.add(each)
    with pytest.raises(ProblemError) as refusal:
        viewers.add(viewer(Mode.VIEW))
    assert (refusal.value.status, refusal.value.code) == (429, "too_many_viewers")
    viewers.add(viewer(Mode.CONTROL))
    with pytest.raises(ProblemError):
        viewers.add(viewer(Mode.CONTROL))
    viewers.remove(looking[0])
    viewers.add(viewer(Mode.CONTROL))
