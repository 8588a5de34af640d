"""What a round does, all of it drawn from the seed before it begins: playing it draws nothing.

The machine's moods are not in the seed. The same seed asks the same things at the same moments, and
kills at the same moments; what is under way just then may differ by some milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

WAVE = 8
"""So many sessions are asked for together."""
WAVE_SECONDS = 2.0


class Part(StrEnum):
    """Which template a session is started from; see ``stage.TEMPLATES``."""

    PLAIN = "plain"
    FREEZING = "freezing"
    STUBBORN = "stubborn"
    """Does not listen to TERM."""
    BRIEF = "brief"
    """Its command ends by itself."""
    ABSENT = "absent"
    """Its command is not there."""


class Do(StrEnum):
    """What a web server asks for, or waits for."""

    AWAIT_RUNNING = "await running"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"
    PURGE = "purge"


IMPATIENT = 0.4
"""This share of starts is given up and repeated before there can be an answer."""
AWAITED = 0.75
"""This share of sessions may become ready before anything else is asked of it."""
RESUMED = 0.7
UNDISTURBED = 0.3
FATES: Mapping[tuple[tuple[Do, float], ...], int] = {
    (): 45,
    ((Do.TERMINATE, 6.0),): 30,
    ((Do.TERMINATE, 6.0), (Do.PURGE, 4.0)): 5,
    ((Do.PURGE, 4.0),): 20,
}
"""How a session's part ends, and within how many seconds; and how often."""


@dataclass(frozen=True, slots=True)
class Act:
    """Ask for ``do`` so long after the act before was answered."""

    do: Do
    after_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """One session's part."""

    key: str
    """Its Idempotency-Key."""
    part: Part
    start_after_seconds: float
    patience_seconds: tuple[float, ...]
    """How long each attempt to start it waits for an answer; the last holds for all that follow."""
    lasts_seconds: float
    """Until a brief command ends."""
    exit_code: int
    acts: tuple[Act, ...]


class Fall(StrEnum):
    """How the daemon goes down."""

    KILL = "SIGKILL"
    TERM = "SIGTERM"
    HANG = "SIGSTOP"


@dataclass(frozen=True, slots=True)
class Blow:
    """The daemon falls so long after it was last up, and stays down."""

    fall: Fall
    after_seconds: float
    down_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    """Sessions side by side; blows one after the other."""

    number: int
    sessions: tuple[SessionPlan, ...]
    blows: tuple[Blow, ...]
    elder_acts: tuple[tuple[Act, ...], ...]
    """For each of the sessions that live through all rounds."""


def draw_round(seed: int, number: int, sessions: int, elders: int) -> RoundPlan:
    """The plan of one round; depends on nothing but its arguments."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 nothing secret
    waves = max(1, -(-sessions // WAVE))
    return RoundPlan(
        number=number,
        sessions=tuple(_session(dice, seed, number, index) for index in range(sessions)),
        blows=tuple(_blow(dice) for _ in range(max(1, min(waves, 4)))),
        elder_acts=tuple(_there_and_back(dice) for _ in range(elders)),
    )


def _session(dice: random.Random, seed: int, number: int, index: int) -> SessionPlan:
    part = dice.choices(list(Part), weights=[40, 30, 8, 18, 4])[0]
    return SessionPlan(
        key=f"chaos-{seed}-{number}-{index}",
        part=part,
        start_after_seconds=index // WAVE * WAVE_SECONDS + dice.uniform(0, WAVE_SECONDS),
        patience_seconds=_patience(dice),
        lasts_seconds=round(dice.uniform(0, 6), 1),
        exit_code=dice.choice([0, 0, 1, 7, 255]),
        acts=_acts(dice, part),
    )


def _patience(dice: random.Random) -> tuple[float, ...]:
    """Some give up before any answer can be there, and ask again."""
    if dice.random() < IMPATIENT:
        return (dice.uniform(0.002, 0.05), dice.uniform(0.05, 0.5), 20.0)
    return (20.0,)


def _acts(dice: random.Random, part: Part) -> tuple[Act, ...]:
    """A life, in order or not: some are ended while they wait, start, or are put aside."""
    acts: list[Act] = []
    if part not in (Part.BRIEF, Part.ABSENT) and dice.random() < AWAITED:
        acts.append(Act(Do.AWAIT_RUNNING, 0.0))
        for _ in range(dice.choice([0, 1, 1, 2, 3])):
            acts.append(_act(dice, Do.SUSPEND, 2.0))
            if dice.random() < RESUMED:
                acts.append(_act(dice, Do.RESUME, 2.0))
    for do, within_seconds in dice.choices(list(FATES), weights=list(FATES.values()))[0]:
        acts.append(_act(dice, do, within_seconds))
    return tuple(acts)


def _act(dice: random.Random, do: Do, within_seconds: float) -> Act:
    return Act(do, dice.uniform(0, within_seconds))


def _there_and_back(dice: random.Random) -> tuple[Act, ...]:
    if dice.random() < UNDISTURBED:
        return ()
    return (_act(dice, Do.SUSPEND, 8.0), _act(dice, Do.RESUME, 8.0))


def _blow(dice: random.Random) -> Blow:
    fall = dice.choices(list(Fall), weights=[80, 12, 8])[0]
    return Blow(fall, dice.uniform(0.2, 7.0), dice.uniform(0.0, 3.0))
