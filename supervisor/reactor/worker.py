"""Mailboxes and their workers: the only writers of sessions.

A session has a worker while its mailbox holds something, and none otherwise; ten thousand idle
sessions cost no task. Per fact: decide, commit session and outbox row in one transaction, publish,
then hand the effects to the session's lane.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from supervisor.errors import StoreError
from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError, UnavailableError
from supervisor.lifecycle.facts import Fact
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Reason, Session, SessionId, Timestamp
from supervisor.lifecycle.transitions import Decision
from supervisor.reactor.directory import Directory
from supervisor.store.database import Database
from supervisor.store.sessions import commit_change

log = structlog.get_logger(__name__)

_ORDERLY = (
    Reason.COMMAND_EXITED,
    Reason.TERMINATED,
    Reason.PURGED,
    Reason.IDLE_TIMEOUT,
    Reason.DISCONNECT_TIMEOUT,
    Reason.LIFETIME_EXCEEDED,
)
"""Ends that nobody has to look into."""

STORE_RETRY_SECONDS = 1.0

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Observer(Protocol):
    """Told of each decision right after its commit, before anything else can happen."""

    def committed(self, decision: Decision, item: FeedItem | None) -> None:
        """``item`` is ``None`` when nothing changed and there are only effects."""


@dataclass(slots=True, eq=False)
class _Letter:
    fact: Fact
    reply: asyncio.Future[Session] | None


class Reactor:
    """Delivers facts to sessions and commits what is decided."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        now: Callable[[], Timestamp],
        spawn: Spawn,
    ) -> None:
        self._database = database
        self._directory = directory
        self._observer: Observer | None = None
        self._now = now
        self._spawn = spawn
        self._mailboxes: dict[SessionId, deque[_Letter]] = {}
        self._closed = False
        self._drained = asyncio.Event()
        self._drained.set()

    def observe(self, observer: Observer) -> None:
        """Tell ``observer`` of every decision from now on."""
        self._observer = observer

    def post(self, session_id: SessionId, fact: Fact) -> None:
        """Deliver a fact. One that cannot be committed is tried again until it can."""
        if not self._closed:
            self._deliver(session_id, _Letter(fact, None))

    async def submit(self, session_id: str, fact: Fact) -> Session:
        """Deliver a fact and return the session once what it led to is committed.

        Raises SessionNotFoundError; StoreError when it could not be committed, and then it did not
        happen; UnavailableError while the daemon shuts down.
        """
        if self._closed:
            message = "The supervisor is shutting down."
            raise UnavailableError(message)
        session = self._directory.get(session_id)
        reply: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._deliver(session.id, _Letter(fact, reply))
        return await reply

    async def drain(self, seconds: float) -> bool:
        """Take nothing more in, and wait for what is in the mailboxes; False if time ran out."""
        self._closed = True
        try:
            async with asyncio.timeout(seconds):
                await self._drained.wait()
        except TimeoutError:
            log.error("drain_timed_out", sessions=len(self._mailboxes))
            return False
        return True

    def _deliver(self, session_id: SessionId, letter: _Letter) -> None:
        mailbox = self._mailboxes.get(session_id)
        if mailbox is not None:
            mailbox.append(letter)
            return
        self._mailboxes[session_id] = deque([letter])
        self._drained.clear()
        self._spawn(self._work(session_id))

    async def _work(self, session_id: SessionId) -> None:
        mailbox = self._mailboxes[session_id]
        with structlog.contextvars.bound_contextvars(session_id=session_id):
            while mailbox:
                await self._take(session_id, mailbox[0])
                mailbox.popleft()
        del self._mailboxes[session_id]
        if not self._mailboxes:
            self._drained.set()

    async def _take(self, session_id: SessionId, letter: _Letter) -> None:
        """Judge one letter; whatever goes wrong with it stays with it."""
        while True:
            try:
                session = await self._judge(session_id, letter.fact)
            except StoreError as error:
                log.error("commit_failed", fact=type(letter.fact).__name__, error=str(error))
                if letter.reply is not None or self._closed:
                    _refuse(letter, error)
                    return
                self._refuse_waiting(session_id, error)
                await asyncio.sleep(STORE_RETRY_SECONDS)
            except Exception as error:
                if not isinstance(error, SessionNotFoundError):
                    log.exception("fact_crashed", fact=type(letter.fact).__name__)
                _refuse(letter, error)
                return
            else:
                if letter.reply is not None and not letter.reply.done():
                    letter.reply.set_result(session)
                return

    def _refuse_waiting(self, session_id: SessionId, error: Exception) -> None:
        """Whoever waits behind a fact that cannot be committed is told, not kept waiting."""
        mailbox = self._mailboxes[session_id]
        for letter in [each for each in mailbox if each.reply is not None]:
            _refuse(letter, error)
            mailbox.remove(letter)

    async def _judge(self, session_id: SessionId, fact: Fact) -> Session:
        before = self._directory.get(session_id)
        now = self._now()
        decision = decide(before, fact, now)
        item = None
        if (kind := decision.event) is not None:
            after = decision.session
            item = await self._database.run(
                lambda connection: commit_change(connection, after, kind, now)
            )
            if kind is EventKind.DELETE:
                self._directory.drop(session_id)
            else:
                self._directory.put(after)
            _log_change(before, after, kind)
        if self._observer is not None and (item is not None or decision.effects):
            self._observer.committed(decision, item)
        return decision.session


def _refuse(letter: _Letter, error: Exception) -> None:
    if letter.reply is not None and not letter.reply.done():
        letter.reply.set_exception(error)


def _log_change(before: Session, after: Session, kind: EventKind) -> None:
    if kind is EventKind.DELETE:
        log.info("session_purged", user=after.user)
    elif (after.phase, after.known_phase) != (before.phase, before.known_phase):
        over = after.phase is Phase.ENDED
        log.log(
            logging.WARNING if over and after.reason not in _ORDERLY else logging.INFO,
            "session_phase_changed",
            user=after.user,
            phase=after.phase.value,
            before=before.phase.value,
            known_phase=after.known_phase.value if after.known_phase else None,
            reason=after.reason.value if after.reason else None,
            message=(after.message or None) if over else None,
            exit_code=after.exit_code,
            container_id=after.container_id[:12] if after.container_id else None,
        )
