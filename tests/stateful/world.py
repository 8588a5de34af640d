"""Everything there is: a host with an engine, a daemon that comes and goes, and who talks to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from supervisor.engine import labels
from supervisor.engine.base import container_name
from supervisor.errors import EngineError
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Reason, Session, SessionId
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.core import CoreSettings
from supervisor.reactor.retention import RetentionBounds
from supervisor.template.catalog import TemplateCatalog
from supervisor.template.spec import ContainerSpec
from tests.stateful.clients import Agent, Wish
from tests.stateful.daemon import YEAR_SECONDS, Daemon, Surroundings
from tests.stateful.engine import FaultyEngine, FaultyHost, deliver
from tests.stateful.faults import Faults
from tests.stateful.history import Commit, History, Kill, Launch, Scene, Span, WitnessedDatabase
from tests.stateful.readers import Reader
from tests.stateful.receiver import Mood, Receiver
from tests.stateful.wall import WallClock
from tests.support.memory_host import MemoryContainer
from tests.support.virtual_time import VirtualTime
from tests.unit.reactor.life import House

SHARED_MEMORY = Path("/dev/shm")
"""Nothing here has to survive a power cut: SQLite need not wait for a disk."""

OWNER = "memory"
OTHER_OWNER = "another-instance"
HERE = "fx-any:image"
ELSEWHERE = "fx-registry:image"

HEAD = "volumes: ['${user.home}:${user.home}']\ncommand: ${start.command:-xterm}\n"
RULES = "session: {startup_timeout: 60s, stop_grace_period: 7s}\n"
TEMPLATES = {
    "docker": f"image: {HERE}\n{HEAD}{RULES}",
    "stubborn": f"image: {HERE}\n{HEAD}{RULES}",
    "brief": f"image: {HERE}\n{HEAD}{RULES}",
    "kept": f"image: {HERE}\n{HEAD}{RULES}host_config: {{AutoRemove: false}}\n",
    "pulled": f"image: {ELSEWHERE}\n{HEAD}{RULES}",
    "nowhere": f"image: fx-no-such:image\n{HEAD}{RULES}",
    "limited": (
        f"image: {HERE}\n{HEAD}session: {{startup_timeout: 60s, stop_grace_period: 7s, "
        "idle_timeout: 300s, disconnect_timeout: 120s, lifetime: 1h}\n"
    ),
    "frosty": (
        f"image: {HERE}\n{HEAD}session: {{startup_timeout: 60s, stop_grace_period: 7s, "
        "suspend: freeze, suspend_timeout: 90s}\n"
        "mem_limit: ${start.params.memory}\n"
        "params: {memory: {type: size, default: 1g, changeable: true}}\n"
    ),
}
"""What the containers of ``stubborn`` and ``brief`` do otherwise is the engine's to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How an example's daemon is configured."""

    concurrent_starts: int = 2
    max_sessions: int | None = 4
    outbox_items: int = 10_000
    ended_seconds: float = 3_600.0


class World:
    """Made for one example, and swept away with it."""

    def __init__(self, catalog: TemplateCatalog, shape: Shape) -> None:
        self.shape = shape
        memory = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="fx-stateful-", dir=memory))
        self.house = House(self.directory)
        self.time = VirtualTime()
        self.wall = WallClock(self.time)
        self.faults = Faults()
        self.history = History()
        self.host = FaultyHost(self.wall, self.faults, OWNER)
        self.host.witness = self
        self.host.add_image(HERE)
        self.host.registry[ELSEWHERE] = self.host.image(HERE)
        self.clipboard = ClipboardPolicy.BOTH
        """What the policy lets through."""
        self.wishes: list[Wish] = []
        self.agents: dict[str, Agent] = {}
        """By container."""
        self.strangers: dict[str, MemoryContainer] = {}
        """Containers that are none of the supervisor's business."""
        self.readers = [Reader(), Reader()]
        self.receiver = Receiver(self.history, may_skip=shape.outbox_items < 10_000)
        self.errors: list[str] = []
        """What the daemon's log calls a crash."""
        self.spans: dict[SessionId, Span] = {}
        """Since each session was accepted."""
        self.attended: dict[SessionId, float] = {}
        """When that was, or when the daemon began if it was later; real time."""
        self.widest_jump = 0.0
        self.set_forward = 0.0
        """By the clock alone; what counts down is measured and does not follow."""
        self.was_set_back = False
        self.was_set_meanwhile = False
        """While something was being stored: what counts from then is uncertain."""
        self.latecomers: set[str] = set()
        """Containers that came of requests whose sender was gone."""
        self.store_was_slow = False
        """Then what was decided long ago may be committed now."""
        self._catalog = catalog
        self._engine: FaultyEngine | None = None
        self._daemon: Daemon | None = None

    # -- the daemon ------------------------------------------------------------------------------

    @property
    def daemon(self) -> Daemon | None:
        """The running one, whether or not it has come far enough to answer."""
        return self._daemon

    @property
    def answering(self) -> Daemon:
        """The daemon, which is up."""
        assert self._daemon is not None
        assert self._daemon.core is not None
        return self._daemon

    @property
    def is_up(self) -> bool:
        """Whether the daemon can be talked to."""
        return self._daemon is not None and self._daemon.core is not None

    def boot(self) -> None:
        """Begin a life of the daemon."""
        assert self._daemon is None
        self.attended = dict.fromkeys(self.spans, self.time.seconds)
        self._engine = FaultyEngine(self.host, self.faults)
        database = WitnessedDatabase(
            self.directory / "supervisor.db", self.faults, self.history.latest, self.committed
        )
        surroundings = Surroundings(
            settings=self._settings(),
            catalog=self._catalog,
            run_directory=self.directory / "run",
            time=self.time,
            wall=self.wall,
            receiver=self.receiver,
        )
        self._daemon = Daemon(surroundings, self._engine, database)

    def crash(self) -> None:
        """End the daemon where it stands."""
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            daemon.crash()

    def stop(self) -> None:
        """End the daemon in order, however long it takes."""
        if self._daemon is not None:
            self._daemon.loop.release_jobs()
            self._daemon.stop()
            for _ in range(60):
                self.advance(1.0)
                if self._daemon.main.done():
                    break
            assert self._daemon.main.done(), "the daemon does not stop"
            self.crash()

    def ask(self, client: Coroutine[Any, Any, None]) -> None:
        """Let somebody call the daemon."""
        self.answering.ask(client)

    def _settings(self) -> CoreSettings:
        limits = AdmissionLimits(
            concurrent_starts=self.shape.concurrent_starts, max_sessions=self.shape.max_sessions
        )
        retention = RetentionBounds(
            ended_seconds=self.shape.ended_seconds,
            outbox_seconds=YEAR_SECONDS,
            outbox_items=self.shape.outbox_items,
            hold_seconds=YEAR_SECONDS,
        )
        policy = replace(self.house.policy, clipboard=self.clipboard)
        settings = self.house.settings()
        return replace(settings, limits=limits, retention=retention, policy=policy)

    def bound_clipboard(self, clipboard: ClipboardPolicy) -> None:
        """The configuration is changed, and a daemon that is up reads it anew."""
        self.clipboard = clipboard
        if self._daemon is not None and self._daemon.core is not None:
            self._daemon.core.change(self._settings())

    # -- time ------------------------------------------------------------------------------------

    def go(self, turns: int | None) -> None:
        """Let the daemon take so many turns; ``None``: as many as it can without time passing."""
        if self._daemon is None:
            return
        if turns is None:
            self._daemon.loop.settle()
        else:
            self._daemon.loop.turn(turns)
        self._bury()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if self._daemon is None:
            self.time.seconds += seconds
        else:
            self._daemon.loop.advance(seconds)
            self._bury()
        self.look_at_clock()

    def _bury(self) -> None:
        """A daemon that cannot write its store ends at once when it begins."""
        if self._daemon is not None and self._daemon.could_not_begin:
            self.crash()

    def jump(self, seconds: float) -> None:
        """Set the wall clock."""
        self.look_at_clock()
        self.wall.jump(seconds)
        self.widest_jump = max(self.widest_jump, seconds)
        self.set_forward += max(seconds, 0.0)
        self.was_set_back |= seconds < 0
        self.was_set_meanwhile |= self._daemon is not None and not self._daemon.is_quiet
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Remember how late and how early it has been."""
        for span in self.spans.values():
            span.look(self.wall())

    # -- what is seen ----------------------------------------------------------------------------

    def scene(self, session_id: SessionId) -> Scene:
        """How the world looks to a session now."""
        daemon = self._daemon
        return Scene(
            wall=self.wall(),
            containers=self.containers(session_id),
            adopted=daemon is not None and daemon.adopted,
            reachable=daemon is not None and daemon.reachable,
            waiting=() if daemon is None else daemon.waiting,
            since_accepted=replace(self.spans[session_id]),
            attended_seconds=self.time.seconds - self.attended[session_id],
        )

    def containers(self, session_id: SessionId) -> frozenset[str]:
        """Ids of the session's containers, but for those that nobody could know of yet."""
        ids = {each.container_id for each in self.host.ours(session_id)}
        return frozenset(ids - self.latecomers)

    def committed(
        self, seq: int, kind: EventKind, session_id: SessionId, after: Session | None
    ) -> None:
        """See Witness."""
        self.look_at_clock()
        self.spans.setdefault(session_id, Span(self.wall(), self.wall()))
        self.attended.setdefault(session_id, self.time.seconds)
        if after is not None and after.template == "nowhere":
            self.history.give_grounds(Reason.IMAGE_PULL_FAILED, session_id)
        self.history.record(
            Commit(
                seq=seq,
                kind=kind,
                session_id=session_id,
                before=self.history.known.get(session_id),
                after=after,
                scene=self.scene(session_id),
            )
        )

    def container_started(self, container: MemoryContainer, token: str | None) -> None:
        """See Watched."""
        session_id = container.session_id
        if session_id is not None:
            agent = Agent(session_id, container.container_id, token)
            self.agents[container.container_id] = agent

    def container_left(self, container: MemoryContainer, *, oom: bool) -> None:
        """See Watched."""
        if container.session_id is not None:
            given = (
                [Reason.OUT_OF_MEMORY] if oom else [Reason.CONTAINER_DIED, Reason.CONTAINER_GONE]
            )
            for reason in given:
                self.history.give_grounds(reason, container.session_id)

    def container_killed(self, container: MemoryContainer, *, is_orphan: bool) -> None:
        """See Watched."""
        assert container.session_id is not None
        known = self.history.known.get(container.session_id)
        self.history.record(Kill(container.session_id, known, is_orphan))

    def call_refused(self, error: EngineError, session_id: SessionId | None) -> None:
        """See Watched."""
        self.history.give_grounds(error.reason, session_id)

    def launch_asked(self, session_id: SessionId) -> None:
        """See Watched."""
        core = self.answering.core
        assert core is not None
        self.history.record(Launch(session_id, core.directory.find(session_id)))

    def connect(self, reader: Reader) -> None:
        """Let a reader follow, unless it does already."""
        if not reader.is_connected:
            reader.task = self.answering.ask(reader.follow(self.answering))

    # -- choosing --------------------------------------------------------------------------------

    @property
    def files(self) -> SessionDirectory:
        """The sessions' files."""
        return self.house.files

    @property
    def sessions(self) -> list[Session]:
        """Those in the store, oldest first."""
        return list(self.history.known.values())

    def with_container(self) -> list[MemoryContainer]:
        """Containers of ours that have not ended."""
        return [
            each
            for each in self.host.containers.values()
            if each.owner == OWNER and each.exit_code is None
        ]

    def add_container(self, name: str, owner: str | None, session_id: SessionId | None) -> None:
        """A container that the supervisor did not make, running."""
        marks = {} if owner is None else {labels.OWNER: owner}
        if session_id is not None:
            marks[labels.SESSION] = session_id
        container = self.host.create(name, ContainerSpec(image=HERE, labels=marks))
        self.host.start(container)
        if owner != OWNER:
            self.strangers[name] = container

    def take_name(self, session_id: SessionId) -> None:
        """Somebody else's container, under the name that the session's would have."""
        self.add_container(container_name(session_id), OTHER_OWNER, None)
        self.history.give_grounds(Reason.ENGINE_REFUSED, session_id)

    # -- the end ---------------------------------------------------------------------------------

    def heal(self) -> None:
        """Nothing is wrong any more, and what was under way gets there."""
        self.faults.clear()
        self.receiver.mood = Mood.ACCEPTS
        self.deliver_all()
        self.do_late_work()
        if self._daemon is not None:
            self._daemon.loop.release_jobs()
            self.go(None)
        if self._daemon is None:
            self.boot()
        for reader in self.readers:
            reader.go_on()

    def deliver_all(self) -> None:
        """Held events arrive, in order."""
        held, self.host.held_events = self.host.held_events, []
        for stream, event in held:
            deliver(stream, event)

    def do_late_work(self) -> None:
        """The engine comes to what nobody waits for any more."""
        late, self.faults.late_work = self.faults.late_work, []
        before = {each.container_id for each in self.host.containers.values()}
        for work in late:
            with suppress(EngineError):  # nobody hears of it
                work()
        self.latecomers |= {each.container_id for each in self.host.containers.values()} - before

    def sweep(self) -> None:
        """Leave nothing behind."""
        self.crash()
        shutil.rmtree(self.directory)


def living(session: Session) -> bool:
    """Whether there is, or will be, a container."""
    return (session.known_phase or session.phase) not in (Phase.PENDING, Phase.ENDED)
