"""A share link does not keep those out who are in control."""

from __future__ import annotations

import pytest

from relay.defence.allowance import Allowance
from relay.display.viewers import Viewer, Viewers
from relay.problems import ProblemError
from supervisor.lifecycle.tickets import Mode, Ticket
from tests.support.sessions import NOW, SESSION_ID


def viewer(mode: Mode, key: str = "key") -> Viewer:
    """One more."""
    return Viewer(Ticket(key, SESSION_ID, mode, None, NOW))


def viewers_of(most: int, most_view_only: int, burst: int = 1000) -> Viewers:
    """Nobody yet; time stands still."""
    return Viewers(most, most_view_only, Allowance(burst, 1.0, lambda: 0.0))


async def test_those_who_only_look_leave_room_for_control() -> None:
    """429 for the third of two; control still gets in, until all places are taken."""
    viewers = viewers_of(most=3, most_view_only=2)
    looking = [viewer(Mode.VIEW) for _ in range(2)]
    for each in looking:
        viewers.add(each)
    with pytest.raises(ProblemError) as refusal:
        viewers.add(viewer(Mode.VIEW))
    assert (refusal.value.status, refusal.value.code) == (429, "too_many_viewers")
    viewers.add(viewer(Mode.CONTROL, "mine"))
    with pytest.raises(ProblemError):
        viewers.add(viewer(Mode.CONTROL, "mine"))
    viewers.remove(looking[0])
    viewers.add(viewer(Mode.CONTROL, "mine"))


async def test_one_ticket_does_not_take_every_place() -> None:
    """However many uses it has, and though it controls."""
    viewers = viewers_of(most=3, most_view_only=2)
    for _ in range(2):
        viewers.add(viewer(Mode.CONTROL, "many"))
    with pytest.raises(ProblemError) as refusal:
        viewers.add(viewer(Mode.CONTROL, "many"))
    assert refusal.value.code == "too_many_viewers"
    viewers.add(viewer(Mode.CONTROL, "other"))


async def test_whoever_comes_and_goes_by_one_ticket_is_slowed_down() -> None:
    """429 for the third who comes at once, though both have left; another ticket is another's."""
    viewers = viewers_of(most=3, most_view_only=2, burst=2)
    for _ in range(2):
        viewers.add(one := viewer(Mode.VIEW))
        viewers.remove(one)
    with pytest.raises(ProblemError) as refusal:
        viewers.add(viewer(Mode.VIEW))
    assert (refusal.value.status, refusal.value.code) == (429, "too_many_connects")
    viewers.add(viewer(Mode.VIEW, "other"))
