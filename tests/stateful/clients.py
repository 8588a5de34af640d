"""Who talks to the daemon: a web server, viewers, and the agents in the containers."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from enum import Enum

from relay.tickets import Mode
from relay.viewers import Viewer
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.facts import (
    Callback,
    CommandExited,
    PurgeRequested,
    TerminateRequested,
)
from supervisor.lifecycle.facts import AgentFailed as AgentFailedFact
from supervisor.lifecycle.session import Phase, Reason, SessionId, StartRequest
from tests.stateful.daemon import Daemon
from tests.stateful.history import History, Purged
from tests.stateful.engine import FaultyHost

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
    try:
        await daemon.core.sessions.submit(session_id, TerminateRequested())
    except SupervisorError:
        return


async def purge(
    daemon: Daemon, history: History, host: FaultyHost, session_id: SessionId
) -> None:
    """``DELETE /v1/sessions/{id}``."""
    assert daemon.core is not None
    history.give_grounds(Reason.PURGED, session_id)
    try:
        await daemon.core.sessions.purge(session_id)
    except SupervisorError:
        return
    containers = frozenset(each.container_id for each in host.ours(session_id))
    history.record(Purged(session_id, history.known.get(session_id), containers))


async def call_back(daemon: Daemon, history: History, agent: Agent, fact: Callback) -> None:
    """``POST /v1/callbacks`` with the agent's token, which says whose agent it is."""
    assert daemon.core is not None
    if agent.token is None:
        return
    token_hash = hashlib.sha256(agent.token.encode()).hexdigest()
    session_id = daemon.core.sessions.find_by_token_hash(token_hash)
    if session_id is None:
        return
    match fact:
        case CommandExited():
            history.give_grounds(Reason.COMMAND_EXITED, session_id)
        case AgentFailedFact():
            history.give_grounds(fact.reason, session_id)
        case _:
            pass
    try:
        await daemon.core.sessions.submit(session_id, fact)
    except SupervisorError:
        return


async def view(daemon: Daemon, session_id: SessionId, mode: Mode) -> None:
    """A viewer, from its ticket to the moment at which it is put out or leaves (is cancelled)."""
    assert daemon.core is not None
    relay, sessions = daemon.relay, daemon.core.sessions
    session = daemon.core.directory.find(session_id)
    if session is None or (session.known_phase or session.phase) is not Phase.RUNNING:
        return
    secret, _ = relay._tickets.issue(session_id, mode, None, TICKET_SECONDS, 2)
    viewer = Viewer(relay._tickets.redeem(session_id, secret))
    relay._viewers.add(viewer)
    relay._tickets.settle(viewer.ticket, used=True)
    viewer.connected = True
    viewer.counting = asyncio.create_task(relay._display._post_count(session_id))
    try:
        await viewer.dismissed
    finally:
        await relay._display._leave(viewer)
