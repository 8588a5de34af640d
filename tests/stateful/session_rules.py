"""What people, programs and their agents do."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from supervisor.lifecycle.facts import (
    AgentFailed,
    AgentHeartbeat,
    AgentReady,
    AgentStarted,
    AgentTitle,
    Callback,
    CommandExited,
)
from supervisor.lifecycle.session import Phase, Reason, Session, Usage
from supervisor.lifecycle.tickets import Mode
from tests.stateful import clients
from tests.stateful.clients import Agent, Attempt, Wish
from tests.stateful.drawing import PACE, WHICH, WorldMachine, one_of, pick
from tests.stateful.world import TEMPLATES, World

TEMPLATE = st.sampled_from(("docker", "limited", *TEMPLATES))
Wished = Literal["suspend", "resume", "change", "reconcile"]
Saying = Literal["started", "ready", "heartbeat", "title", "exited", "killed", "failed"]
SAYING = st.sampled_from(
    ("ready", "ready", "started", "heartbeat", "title", "exited", "killed", "failed")
)


class SessionRules(WorldMachine):
    """Starting, steering, looking; and what agents report."""

    def __init__(self) -> None:
        super().__init__()
        self._visits: list[clients.Visit] = []

    @precondition(lambda self: self.is_up)
    @rule(template=TEMPLATE, keyed=st.booleans(), pace=PACE)
    def start(self, template: str, keyed: bool, pace: int | None) -> None:  # noqa: FBT001
        """Somebody starts a session."""
        ask_for(self.world, new_wish(self.world, template, keyed=keyed))
        self.world.go(pace)

    @precondition(lambda self: self.is_up and any(wish.key for wish in self.world.wishes))
    @rule(which=WHICH, pace=PACE)
    def start_again(self, which: int, pace: int | None) -> None:
        """Somebody who has lost the answer asks again with the same key."""
        keyed = [wish for wish in self.world.wishes if wish.key is not None]
        ask_for(self.world, pick(keyed, which))
        self.world.go(pace)

    @precondition(lambda self: self.is_up)
    @rule(template=TEMPLATE)
    def start_and_get_ready(self, template: str) -> None:
        """Somebody starts a session, and unless something is in the way it soon runs."""
        run_one(self.world, template)

    @precondition(lambda self: self.has_sessions)
    @rule(which=WHICH, pace=PACE)
    def terminate(self, which: int, pace: int | None) -> None:
        """Somebody ends a session."""
        world = self.world
        world.ask(clients.terminate(world.answering, world.history, self.session_id(which)))
        world.go(pace)

    @precondition(lambda self: self.has_sessions)
    @rule(which=WHICH, pace=PACE)
    def purge(self, which: int, pace: int | None) -> None:
        """Somebody forces a session away."""
        world = self.world
        session_id = self.session_id(which)
        world.ask(clients.purge(world.answering, world.history, session_id, world.containers))
        world.go(pace)

    @precondition(lambda self: self.has_sessions)
    @rule(which=WHICH, wish=one_of(Wished), pace=PACE)
    def steer(self, which: int, wish: Wished, pace: int | None) -> None:
        """Somebody puts a session aside, takes it up again, or changes its limits."""
        world, session_id = self.world, self.session_id(which)
        match wish:
            case "suspend" | "resume":
                resume = wish == "resume"
                world.ask(clients.suspend(world.answering, session_id, resume=resume))
            case "change":
                world.ask(clients.rename(world.answering, session_id))
            case "reconcile":
                world.ask(clients.reconcile(world.answering))
        world.go(pace)

    @precondition(lambda self: self.is_up and bool(_changeable(self.world)))
    @rule(which=WHICH, between=st.integers(1, 30), pace=PACE)
    def change_on_the_heels(self, which: int, between: int, pace: int | None) -> None:
        """Somebody moves a slider on, while the engine may still be at the value before."""
        world = self.world
        session = pick(_changeable(world), which)
        for turns in (between, pace):
            world.ask(clients.rename(world.answering, session.id))
            world.go(turns)

    @precondition(lambda self: self.is_up and bool(self.world.answering.clients))
    @rule(which=WHICH, pace=PACE)
    def caller_leaves(self, which: int, pace: int | None) -> None:
        """Somebody does not wait for the answer; a reader closes the window."""
        pick(self.world.answering.clients, which).cancel()
        self.world.go(pace)

    @precondition(lambda self: self.has_sessions)
    @rule(which=WHICH, mode=st.sampled_from(Mode), types=st.booleans(), pace=PACE)
    def viewer_comes(
        self,
        which: int,
        mode: Mode,
        types: bool,  # noqa: FBT001
        pace: int | None,
    ) -> None:
        """Somebody looks at a session, and may use the keyboard."""
        world, session_id = self.world, self.session_id(which)
        core = world.answering.core
        visit = clients.Visit(world.answering, session_id, mode)
        self._visits.append(visit)
        world.answering.attend(visit.make())
        if types and core is not None:
            core.input_notes.note(session_id, world.wall())
        world.go(pace)

    @precondition(lambda self: bool(self._visits))
    @rule(which=WHICH, pace=PACE)
    def viewer_leaves(self, which: int, pace: int | None) -> None:
        """A viewer closes the window."""
        visit = pick(self._visits, which)
        self._visits.remove(visit)
        visit.leave()
        self.world.go(pace)

    @precondition(lambda self: self.is_up and bool(self.world.agents))
    @rule(which=WHICH, saying=SAYING, heard=st.booleans(), pace=PACE)
    def agent_says(
        self,
        which: int,
        saying: Saying,
        heard: bool,  # noqa: FBT001
        pace: int | None,
    ) -> None:
        """An agent reports; if it is not heard, it may repeat that later."""
        agent = pick(list(self.world.agents.values()), which)
        say(self.world, agent, saying, heard=heard)
        self.world.go(pace)

    @precondition(lambda self: self.is_up and any(a.said for a in self.world.agents.values()))
    @rule(which=WHICH, what=WHICH, pace=PACE)
    def agent_repeats(self, which: int, what: int, pace: int | None) -> None:
        """A report arrives once more, or late, or after one that was made later."""
        agent = pick([each for each in self.world.agents.values() if each.said], which)
        _deliver(self.world, agent, pick(agent.said, what))
        self.world.go(pace)


def new_wish(world: World, template: str, *, keyed: bool) -> Wish:
    """A session that nobody has asked for yet."""
    number = len(world.wishes)
    wish = Wish(f"session {number}", template, f"key {number}" if keyed else None)
    world.wishes.append(wish)
    return wish


def ask_for(world: World, wish: Wish) -> None:
    """Ask the daemon for a session, for the first time or again."""
    attempt = Attempt()
    wish.attempts.append(attempt)
    world.ask(clients.start(world.answering, world.history, wish, attempt))


def _changeable(world: World) -> list[Session]:
    """Sessions that have a container whose limits can be changed."""
    have = (Phase.RUNNING, Phase.SUSPENDED)
    return [each for each in world.sessions if each.phase in have and "memory" in each.params]


def run_one(world: World, template: str) -> None:
    """Start a session and let its agent get ready, all at once."""
    before = set(world.agents)
    ask_for(world, new_wish(world, template, keyed=False))
    world.go(None)
    for container_id in set(world.agents) - before:
        say(world, world.agents[container_id], "started")
        say(world, world.agents[container_id], "ready")
        world.go(None)


def say(world: World, agent: Agent, saying: Saying, *, heard: bool = True) -> None:
    """Let an agent report."""
    fact = _fact(saying, agent)
    agent.said.append(fact)
    if heard:
        _deliver(world, agent, fact)


def _deliver(world: World, agent: Agent, fact: Callback) -> None:
    world.ask(clients.call_back(world.answering, world.history, agent, fact))


def _fact(saying: Saying, agent: Agent) -> Callback:  # noqa: PLR0911 one per saying
    seq = agent.next_seq
    match saying:
        case "started":
            return AgentStarted(seq)
        case "ready":
            return AgentReady(seq)
        case "heartbeat":
            return AgentHeartbeat(seq, Usage(memory_bytes=seq))
        case "title":
            return AgentTitle(seq, f"title {seq}")
        case "exited":
            return CommandExited(seq, 0)
        case "killed":
            return CommandExited(seq, 137)
        case "failed":
            return AgentFailed(seq, Reason.X_SERVER_FAILED, "no display")
