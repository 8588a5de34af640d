"""What rules draw from, and the machine that their mixins share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from supervisor.lifecycle.session import SessionId
from tests.stateful.world import World

T = TypeVar("T")

WHICH = st.integers(0, 3)
"""One of whatever there is: counted from the newest, around the end."""

PACE = st.sampled_from((None, None, None, 0, 1, 2, 3, 5, 8, 13, 21, 34))
"""How many turns the daemon takes after a step; ``None``: until it is quiet."""


class WorldMachine(RuleBasedStateMachine):
    """A machine with a world to act on."""

    world: World

    @property
    def is_up(self) -> bool:
        """Whether the daemon can be talked to."""
        return self.world.is_up

    @property
    def has_sessions(self) -> bool:
        """Whether there is a daemon to talk to, and a session to talk about."""
        return self.is_up and bool(self.world.sessions)

    def session_id(self, which: int) -> SessionId:
        """One of the sessions."""
        return pick(self.world.sessions, which).id


def one_of(literal: object) -> st.SearchStrategy[Any]:
    """One of the words of a ``Literal``."""
    return st.sampled_from(get_args(literal))


def pick(things: Sequence[T], which: int) -> T:
    """One of them; the newest is number 0."""
    return things[-1 - which % len(things)]
