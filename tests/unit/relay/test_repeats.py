"""What is done again and again is told once in so long, and counted meanwhile."""

from __future__ import annotations

from relay.repeats import Repeats
from tests.unit.relay.fakes import Clock


def test_each_kind_has_its_own_minute() -> None:
    """The first is taken; what followed it is told with the next that is."""
    clock = Clock()
    repeats = Repeats(60, clock)
    assert [repeats.take("a") for _ in range(3)] == [0, None, None]
    assert repeats.take("b") == 0
    clock.now += 60
    assert (repeats.take("a"), repeats.take("a"), repeats.take("b")) == (2, None, 0)


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    """Whatever it says then is as good as the first."""
    clock = Clock()
    repeats = Repeats(60, clock)
    repeats.take("a")
    clock.now -= 3600
    assert repeats.take("a") == 0


def test_what_does_not_come_any_more_is_forgotten() -> None:
    """Thousands of sessions come and go in the life of a daemon."""
    clock = Clock()
    repeats = Repeats(60, clock)
    for number in range(1000):
        repeats.take(number)
        clock.now += 1
    assert len(repeats._seen) <= 121
