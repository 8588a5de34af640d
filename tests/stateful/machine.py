"""The state machine: anything may happen at any time, and what always holds, holds.

Each step is one rule: something happens in the world, and the daemon takes so many turns. Nothing
waits and nothing is random, so that Hypothesis can repeat and shorten what it found.
"""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from supervisor.lifecycle.session import Phase, known_phase
from supervisor.template.catalog import TemplateCatalog
from tests.stateful import clients
from tests.stateful.daemon_rules import DaemonRules
from tests.stateful.engine_rules import EngineRules
from tests.stateful.invariants import ALWAYS, AT_REST, EVENTS, WHEN_OVER, WHEN_QUIET
from tests.stateful.session_rules import TEMPLATE, SessionRules, run_one, say
from tests.stateful.world import Shape, World

FEWEST_ROUNDS, MOST_ROUNDS = 6, 24
ROUND_SECONDS = 30.0

RESTLESS = (Phase.PENDING, Phase.STARTING, Phase.TERMINATING)
"""Phases that a session may need more time to leave."""

SHAPES = (
    Shape(),
    Shape(concurrent_starts=1, max_sessions=1),
    Shape(concurrent_starts=16, max_sessions=None),
    Shape(outbox_items=6),
    Shape(ended_seconds=60.0),
)


class SupervisorMachine(SessionRules, EngineRules, DaemonRules):
    """Everything that can happen."""

    catalog: TemplateCatalog
    errors: list[str]
    """Where the daemon's log puts its crashes; both are set by the test."""

    @initialize(shape=st.sampled_from(SHAPES), running=st.lists(TEMPLATE, max_size=3))
    def begin(self, shape: Shape, running: list[str]) -> None:
        """A fresh host, the daemon's first start on it, and sessions if there is room for them."""
        self.errors.clear()
        self.world = World(self.catalog, shape)
        self.world.errors = self.errors
        self.world.boot()
        self.world.go(None)
        for template in running:
            run_one(self.world, template)

    @invariant()
    def holds(self) -> None:
        """What always holds."""
        world = self.world
        for event in world.history.fresh():
            for judge in EVENTS:
                judge(world, event)
        for check in ALWAYS:
            check(world)
        if world.is_up and world.answering.is_quiet:
            for check in WHEN_QUIET:
                check(world)

    def teardown(self) -> None:
        """Everything is healed and given time: then all is as it should be, and can be ended."""
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:
                self._converge()
        finally:
            self.world.sweep()

    def _converge(self) -> None:
        world = self.world
        world.heal()
        self._rest()
        for check in AT_REST:
            check(world)
        for session in world.sessions:
            if session.phase is not Phase.ENDED:
                world.ask(clients.terminate(world.answering, world.history, session.id))
        self._rest()
        for check in WHEN_OVER:
            check(world)

    def _rest(self) -> None:
        """Time passes in which agents do what they should and readers come back."""
        world = self.world
        for number in range(MOST_ROUNDS):
            world.advance(ROUND_SECONDS)
            for reader in world.readers:
                reader.go_on()
                world.connect(reader)
            self._get_ready()
            world.go(None)
            self.holds()
            restless = any(known_phase(each) in RESTLESS for each in world.sessions)
            if number >= FEWEST_ROUNDS and not restless:
                break

    def _get_ready(self) -> None:
        world = self.world
        for container in world.with_container():
            agent = world.agents.get(container.container_id)
            session = world.history.known.get(agent.session_id) if agent else None
            if agent and session and known_phase(session) is Phase.STARTING:
                say(world, agent, "ready")
