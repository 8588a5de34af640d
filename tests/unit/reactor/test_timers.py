"""Timers: deadlines of the wall clock become facts when they pass, and not before."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from supervisor.lifecycle.facts import DeadlinePassed
from supervisor.lifecycle.session import DeadlineName, Phase
from supervisor.reactor.timers import Timers
from tests.support.sessions import NOW, session_in
from tests.support.turning import settled, until
from tests.unit.reactor.fakes import Clock, Posts

STARTUP = DeadlinePassed(DeadlineName.STARTUP)
LIFETIME = DeadlinePassed(DeadlineName.LIFETIME)


def due_in(**seconds: float) -> dict[DeadlineName, float]:
    """Deadlines from the clock's present time."""
    return {DeadlineName(name): NOW + each for name, each in seconds.items()}


async def test_a_deadline_passes(clock: Clock) -> None:
    """At its time, the session is told which of its deadlines has passed."""
    posts = Posts()
    timers = Timers(posts, clock)
    timers.open()
    session = replace(session_in(Phase.STARTING), deadlines=due_in(startup=0.01, lifetime=9))
    timers.watch(session)
    clock.at += 0.02
    await until(lambda: bool(posts.made))
    assert posts.made == [(session.id, STARTUP)]
    timers.close()


async def test_deadlines_from_before_a_restart(clock: Clock) -> None:
    """What passed while the daemon was down is told at once, all of it."""
    posts = Posts()
    timers = Timers(posts, clock)
    timers.open()
    timers.watch(replace(session_in(Phase.STARTING), deadlines=due_in(startup=-9, lifetime=-3)))
    await until(lambda: len(posts.made) == 2)
    assert set(posts.facts) == {STARTUP, LIFETIME}


async def test_a_clock_that_is_set_back(clock: Clock) -> None:
    """What is not due by the wall clock when its timer fires is waited for again."""
    posts = Posts()
    timers = Timers(posts, clock)
    timers.open()
    timers.watch(replace(session_in(Phase.STARTING), deadlines=due_in(startup=0.01)))
    clock.at -= 0.005
    await until(lambda: clock.looks >= 5)
    assert posts.made == []
    clock.at = NOW + 0.01
    await until(lambda: posts.facts == [STARTUP])
    timers.close()


async def test_only_the_present_deadlines_count(clock: Clock) -> None:
    """A deadline that was moved or lifted does not pass, nor one of a session that is forgotten."""
    posts, asked = Posts(), asyncio.Event()
    timers = Timers(posts, clock)
    timers.open()
    session = replace(session_in(Phase.STARTING), deadlines=due_in(startup=0.001))
    other = replace(session, id=type(session.id)("01hf000000000000000000000b"))
    lifted = replace(session, id=type(session.id)("01hf000000000000000000000c"))
    for each in (session, other, lifted):
        timers.watch(each)
    timers.watch(replace(session, deadlines=due_in(startup=900)))
    timers.forget(other.id)
    timers.watch(replace(lifted, deadlines={}))
    clock.at += 1
    asyncio.get_running_loop().call_later(0.01, asked.set)
    await asked.wait()
    assert posts.made == []
    timers.close()


async def test_no_deadline_passes_after_closing(clock: Clock) -> None:
    """A daemon that stops leaves its deadlines in the store."""
    posts = Posts()
    timers = Timers(posts, clock)
    timers.open()
    timers.watch(replace(session_in(Phase.STARTING), deadlines=due_in(startup=-1)))
    timers.close()
    await settled()
    assert posts.made == []
