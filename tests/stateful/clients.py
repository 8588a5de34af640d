"""Who talks to the daemon: a web server, viewers, and the agents in the containers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from relay.display.viewers import Viewer
from relay.problems import ProblemError
from relay.schemas import TicketBody
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.facts import (
    AgentFailed,
    Callback,
    CommandExited,
    ResumeRequested,
    SuspendRequested,
    TerminateRequested,
)
from supervisor.lifecycle.session import Phase, Reason, SessionId, StartRequest, known_phase
from supervisor.lifecycle.tickets import Mode
from tests.stateful.daemon import Daemon
from tests.stateful.history import History, Purged

GIB = 2**30
TICKET_SECONDS = 3600


class Outcome(Enum):
    """What became of a request to start a session."""

    UNKNOWN = "unknown"
    """Not answered yet, or never."""
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(slots=True)
class Attempt:
    """One request, and its answer."""

    outcome: Outcome = Outcome.UNKNOWN
    session_id: SessionId | None = None
    durable: bool = True
    """Whether the session was in the store when the answer came."""
    at: float = 0.0


@dataclass(slots=True)
class Wish:
    """A session somebody wants; with a key it may be asked for again and again."""

    name: str
    template: str
    key: str | None
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Agent:
    """The agent in one container."""

    session_id: SessionId
    container_id: str
    token: str | None
    said: list[Callback] = field(default_factory=list)

    @property
    def next_seq(self) -> int:
        """The number of what it says next."""
        return len(self.said) + 1


async def start(daemon: Daemon, history: History, wish: Wish, attempt: Attempt) -> None:
    """``POST /v1/sessions``."""
    assert daemon.core is not None
    request = StartRequest(user="alice", template=wish.template, name=wish.name)
    try:
        session = await daemon.core.sessions.start(request, idempotency_key=wish.key)
    except SupervisorError:
        attempt.outcome = Outcome.REFUSED
    else:
        attempt.outcome = Outcome.ACCEPTED
        attempt.session_id = session.id
        attempt.durable = session.id in history.known or session.id in history.over


async def terminate(daemon: Daemon, history: History, session_id: SessionId) -> None:
    """``POST /v1/sessions/{id}/terminate``."""
    assert daemon.core is not None
    history.give_grounds(Reason.TERMINATED, session_id)
    with suppress(SupervisorError):
        await daemon.core.sessions.submit(session_id, TerminateRequested())


async def purge(
    daemon: Daemon,
    history: History,
    session_id: SessionId,
    containers: Callable[[SessionId], frozenset[str]],
) -> None:
    """``DELETE /v1/sessions/{id}``."""
    assert daemon.core is not None
    history.give_grounds(Reason.PURGED, session_id)
    try:
        await daemon.core.sessions.purge(session_id)
    except SupervisorError:
        return
    history.record(Purged(session_id, history.known.get(session_id), containers(session_id)))


async def call_back(daemon: Daemon, history: History, agent: Agent, fact: Callback) -> None:
    """``POST /v1/callbacks`` with the agent's token, which says whose agent it is."""
    assert daemon.core is not None
    if agent.token is None:
        return
    token_hash = hashlib.sha256(agent.token.encode()).hexdigest()
    session_id = daemon.core.sessions.find_by_token_hash(token_hash)
    if session_id is None:
        return
    if isinstance(fact, CommandExited | AgentFailed):
        reason = fact.reason if isinstance(fact, AgentFailed) else Reason.COMMAND_EXITED
        history.give_grounds(reason, session_id)
    with suppress(SupervisorError):
        await daemon.core.sessions.submit(session_id, fact)


async def suspend(daemon: Daemon, session_id: SessionId, *, resume: bool) -> None:
    """``POST /v1/sessions/{id}/suspend``, or ``/resume``."""
    assert daemon.core is not None
    with suppress(SupervisorError):
        await daemon.core.sessions.submit(
            session_id, ResumeRequested() if resume else SuspendRequested()
        )


async def rename(daemon: Daemon, session_id: SessionId) -> None:
    """``PATCH /v1/sessions/{id}``: another value of a param, which a container has to follow."""
    assert daemon.core is not None
    session = daemon.core.directory.find(session_id)
    if session is not None:
        memory = int(session.params.get("memory", 0)) + GIB
        with suppress(SupervisorError):
            await daemon.core.sessions.change(session_id, name=None, params={"memory": memory})


async def reconcile(daemon: Daemon) -> None:
    """``POST /v1/reconcile``."""
    assert daemon.core is not None
    with suppress(SupervisorError):
        await daemon.core.upkeep.reconcile(dry_run=False)


class Visit:
    """A viewer, from its ticket to the moment at which it is put out or leaves."""

    def __init__(self, daemon: Daemon, session_id: SessionId, mode: Mode) -> None:
        self._daemon = daemon
        self._session_id = session_id
        self._mode = mode
        self._viewer: Viewer | None = None

    def leave(self) -> None:
        """Close the window."""
        if self._viewer is not None:
            self._viewer.dismiss(1000)

    async def make(self) -> None:
        """See ``relay.display.display.Display.connect``."""
        core, relay = self._daemon.core, self._daemon.relay
        assert core is not None
        with suppress(SupervisorError, ProblemError):
            session = core.sessions.get(self._session_id)
            if known_phase(session) in (Phase.TERMINATING, Phase.ENDED):
                return
            secret, _ = await relay._tickets.issue(
                session.id, TicketBody(mode=self._mode, ttl_seconds=TICKET_SECONDS, uses=2)
            )
            viewer = self._viewer = Viewer(relay._tickets.redeem(session.id, secret))
            relay._viewers.add(viewer)
            admitted = False
            try:
                await relay._display._resume(session)
                session = core.sessions.get(session.id)
                if known_phase(session) is Phase.RUNNING:
                    admitted = True
                    await relay._display._settle(viewer.ticket)
                    viewer.connected_at = relay._display._clock()
                    counting = relay._display._post_count(session.id)
                    viewer.counting = asyncio.create_task(counting)
                    await viewer.dismissed
            finally:
                if not admitted:
                    relay._tickets.give_back(viewer.ticket)
                await relay._display._leave(viewer)
