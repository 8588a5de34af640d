"""How often a session hears of its pull: by the percent, and often enough not to time out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from supervisor.reactor.pull_news import PullNews
from tests.unit.reactor.fakes import Clock

STARTUP_SECONDS = 60.0


def heard(*lines: tuple[float, float]) -> list[tuple[float, float]]:
    """Which lines (time, fraction) of a pull are passed on."""
    clock, posted = Clock(0.0), list[tuple[float, float]]()
    news = PullNews(
        lambda fraction: posted.append((clock.at, fraction)), STARTUP_SECONDS, lambda: clock.at
    )
    for clock.at, fraction in lines:
        news(fraction)
    return posted


def test_each_percent_once() -> None:
    """A thousand lines of one percent are one piece of news."""
    lines = [(n / 1000, n // 1000 / 100) for n in range(10_000)]
    assert [fraction for _, fraction in heard(*lines)] == [n / 100 for n in range(10)]


def test_a_percent_that_takes_longer_than_a_start_may() -> None:
    """Four signs of life within the startup limit, whatever the size of the image."""
    lines = [(float(n), 0.0) for n in range(120)]
    assert [at for at, _ in heard(*lines)] == [0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 105.0]


@given(st.lists(st.floats(0.001, 44.9), max_size=200))
def test_what_lives_does_not_time_out(gaps: list[float]) -> None:
    """No gap between lines of less than three quarters of the limit becomes a whole one."""
    times = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    told = [at for at, _ in heard(*((at, 0.0) for at in times))]
    told.append(times[-1])
    assert all(later - at < STARTUP_SECONDS for at, later in pairwise(told))
