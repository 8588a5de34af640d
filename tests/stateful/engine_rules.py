"""What happens at the engine, by itself, outside the supervisor, or wrongly."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from supervisor.engine.base import container_name
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.lifecycle.facts import ContainerStatus
from supervisor.lifecycle.session import Phase, SessionId
from tests.stateful.drawing import PACE, WHICH, WorldMachine, one_of, pick
from tests.stateful.engine import deliver
from tests.stateful.faults import Delivery, Step
from tests.stateful.world import OTHER_OWNER, OWNER

STEPS: tuple[Step, ...] = (
    *("launch", "launch", "start", "stop", "remove", "list_containers"),
    *("pause", "unpause", "find_container", "update", "discard"),
    *("find_image", "pull_image", "read_image", "version", "watch", "tidy"),
)
Trouble = Literal["answer lost", "slow", "slow to answer", "refused", "unreachable"]
Fate = Literal["exits", "fails", "is killed", "runs out of memory", "is removed", "is paused"]
Whim = Literal["goes", "comes", "restarts", "ends streams", "breaks streams", "catches up"]


class EngineRules(WorldMachine):
    """Containers, calls, events."""

    @precondition(lambda self: self.world.with_container())
    @rule(which=WHICH, fate=one_of(Fate), pace=PACE)
    def container(self, which: int, fate: Fate, pace: int | None) -> None:
        """Something happens to a container that the supervisor did not ask for."""
        host = self.world.host
        container = pick(self.world.with_container(), which)
        if fate == "is removed":
            host.remove(container)
        elif container.status is not ContainerStatus.CREATED:
            match fate:
                case "exits":
                    host.exit(container, 0)
                case "fails":
                    host.exit(container, 3)
                case "is killed":
                    host.exit(container, 137)
                case "runs out of memory":
                    host.exit(container, 137, oom=True)
                case "is paused":
                    frozen = container.status is not ContainerStatus.PAUSED
                    host.freeze(container, frozen=frozen)
        self.world.go(pace)

    @rule(delivery=st.sampled_from(Delivery), pace=PACE)
    def events_are(self, delivery: Delivery, pace: int | None) -> None:
        """From now on events are prompt, or wait, or are lost."""
        self.world.faults.events = delivery
        self.world.go(pace)

    @precondition(lambda self: self.world.host.held_events)
    @rule(data=st.data(), pace=PACE)
    def events_arrive(self, data: st.DataObject, pace: int | None) -> None:
        """What waited arrives: in any order, some of it twice, some never."""
        held, self.world.host.held_events = self.world.host.held_events, []
        indexes = st.lists(st.integers(0, len(held) - 1), max_size=len(held) + 2)
        for index in data.draw(indexes, label="which, in this order"):
            deliver(*held[index])
        self.world.go(pace)

    @rule(step=st.sampled_from(STEPS), trouble=one_of(Trouble), pace=PACE)
    def calls_are_in_trouble(self, step: Step, trouble: Trouble, pace: int | None) -> None:
        """The next such call fails, or such calls are slow until they are quick again."""
        faults = self.world.faults
        match trouble:
            case "answer lost":
                faults.lost_answers[step] += 1
            case "slow" | "slow to answer":
                # Connecting to the event stream does not wait for anything.
                if step != "watch":
                    faults.hold(step, answer=trouble == "slow to answer")
            case "refused":
                faults.refused[step].append(EngineError("no", status=500))
            case "unreachable":
                faults.refused[step].append(EngineUnreachableError("no route"))
        self.world.go(pace)

    @precondition(lambda self: self.world.faults.are_slow)
    @rule(pace=PACE)
    def calls_are_quick(self, pace: int | None) -> None:
        """What was slow goes on."""
        self.world.faults.release()
        self.world.go(pace)

    @rule(whim=one_of(Whim), pace=PACE)
    def engine(self, whim: Whim, pace: int | None) -> None:
        """The engine goes and comes; a restart of it ends all that ran, and tells nobody."""
        world = self.world
        match whim:
            case "goes":
                world.faults.away = True
                world.host.break_streams(EngineUnreachableError("The engine went away."))
            case "comes":
                world.faults.away = False
            case "restarts":
                world.host.restart()
                world.strangers.clear()
            case "ends streams":
                world.host.break_streams()
            case "breaks streams":
                world.host.break_streams(EngineUnreachableError("The connection was reset."))
            case "catches up":
                world.do_late_work()
        world.go(pace)

    @precondition(lambda self: len(self.world.host.containers) < 12)
    @rule(owner=st.sampled_from((None, OTHER_OWNER, OWNER)), which=WHICH)
    def stranger_comes(self, owner: str | None, which: int) -> None:
        """A container of somebody else's, of another instance's, or of a session nobody knows.

        Another instance's may have the name that the container of one of our sessions would have.
        """
        waiting = [each for each in self.world.sessions if each.phase is Phase.PENDING]
        if owner == OTHER_OWNER and waiting:
            session_id = pick(waiting, which).id
            if self.world.host.named(session_id) is None:
                self.world.take_name(session_id)
            return
        number = len(self.world.agents) + len(self.world.strangers)
        unknown = SessionId(f"00nknwn{number:019}")
        name = container_name(unknown) if owner == OWNER else f"stranger-{number}"
        if name not in self.world.host.containers:
            self.world.add_container(name, owner, unknown if owner is not None else None)
