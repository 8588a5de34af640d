"""From a start request to a durable session: identity, template, rendering, one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import structlog

from supervisor.host.identity import IdentityPolicy, look_up
from supervisor.lifecycle.cordon import Cordon, refusal
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import ConflictError, UnavailableError
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, StartRequest, Timestamp
from supervisor.lifecycle.transitions import Decision
from supervisor.policy.guard import Guard
from supervisor.reactor.directory import Directory
from supervisor.reactor.draft import draft_session, render_start
from supervisor.reactor.quota import Quotas
from supervisor.reactor.ulid import UlidSource
from supervisor.reactor.watcher import EngineHealth
from supervisor.reactor.worker import Observer
from supervisor.store.cordon import require_open
from supervisor.store.database import Database
from supervisor.store.sessions import Claim, Claimed, claim, commit_change, count_live, find_claim
from supervisor.template.catalog import TemplateCatalog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Accepts sessions; what it needs of the daemon."""

    database: Database
    directory: Directory
    observer: Observer
    catalog: TemplateCatalog
    quotas: Quotas
    identity_policy: Callable[[], IdentityPolicy]
    guard: Callable[[], Guard]
    ids: UlidSource
    health: EngineHealth
    cordon: Callable[[], Cordon | None]
    node: str
    now: Callable[[], Timestamp]

    async def start(self, request: StartRequest, *, idempotency_key: str | None) -> Session:
        """Accept a session; it is durable when this returns.

        Raises InvalidRequestError and its kin with field errors, TemplateNotFoundError,
        PolicyError, ConflictError for a key used for something else, QuotaExceededError,
        NodeDrainingError on a cordoned node, UnavailableError without an engine.
        """
        key = None
        if idempotency_key is not None:
            key = Claim(f"{request.user}/{idempotency_key}", _request_hash(request))
        if (cordon := self.cordon()) is not None:
            return await self._repeated(key, cordon)
        if not (self.health.adopted and self.health.reachable):
            message = f"Sessions cannot be started at the moment: {self.health.message}"
            raise UnavailableError(message)
        template = self.catalog.get(request.template)
        identity = await look_up(request.user, self.identity_policy())
        session_id = self.ids.next()
        rendered = render_start(template, request, identity, session_id, self.node)
        guard = self.guard()
        spec = await guard.admitted(rendered.spec, identity)
        session = draft_session(
            session_id=session_id,
            request=request,
            rendered=replace(rendered, spec=spec),
            clipboard_ceiling=guard.policy.clipboard,
            identity=identity,
            node=self.node,
            now=self.now(),
        )
        accepting = asyncio.ensure_future(self._commit(session, key))
        accepting.add_done_callback(_heard)
        return await asyncio.shield(accepting)

    async def _repeated(self, key: Claim | None, cordon: Cordon) -> Session:
        """What this key has started before. Raises NodeDrainingError if that is nothing."""
        if key is not None:
            now, name = self.now(), key.key
            found = await self.database.run(lambda connection: find_claim(connection, name, now))
            if found is not None:
                return self._claimed(found, key)
        raise refusal(cordon)

    async def _commit(self, session: Session, key: Claim | None) -> Session:
        """Not broken off when the caller leaves: what the store holds has to be known here too."""
        outcome = await self.database.run(lambda connection: self._accept(connection, session, key))
        if isinstance(outcome, Claimed):
            return self._claimed(outcome, key)
        self.directory.put(session, outcome.data)
        log.info(
            "session_accepted", session_id=session.id, user=session.user, template=session.template
        )
        self.observer.committed(Decision(session, (), EventKind.UPDATE), outcome)
        return session

    def _accept(
        self, connection: sqlite3.Connection, session: Session, key: Claim | None
    ) -> Claimed | FeedItem:
        """In one transaction, so that no two requests count the same room."""
        if key is not None:
            found = find_claim(connection, key.key, session.created_at)
            if found is not None:
                return found
        require_open(connection)
        if key is not None:
            claim(connection, key, session)
        self.quotas.require_room(session.user, count_live(connection, session.user))
        return commit_change(connection, session, EventKind.UPDATE, session.created_at)

    def _claimed(self, outcome: Claimed, key: Claim | None) -> Session:
        if key is not None and outcome.request_hash != key.request_hash:
            message = "This Idempotency-Key was used for another request; take a new one."
            raise ConflictError(message)
        found = self.directory.find(outcome.session_id)
        if found is None:
            message = "The session started with this Idempotency-Key has been purged since."
            raise ConflictError(message)
        return found


def _request_hash(request: StartRequest) -> str:
    return hashlib.sha256(json.dumps(asdict(request), sort_keys=True).encode()).hexdigest()


def _heard(accepting: asyncio.Future[Session]) -> None:
    """Whoever asked may have left: an error nobody waits for is none."""
    if not accepting.cancelled():
        accepting.exception()
