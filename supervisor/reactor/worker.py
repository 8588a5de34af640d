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
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from supervisor.errors import StoreError
from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError, UnavailableError
from supervisor.lifecycle.facts import ContainerListed, DeadlinePassed, Fact, InputSeen
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Reason, Session, SessionId, Timestamp
from supervisor.lifecycle.transitions import Decision
from supervisor.reactor.directory import Directory
from supervisor.reactor.outage import Outage
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

_LEVELS = (ContainerListed, DeadlinePassed, InputSeen)
"""Facts that are told again and again: of those that wait, the newest says it all."""

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Revision = Callable[[Session | None], Session]
"""What a session is to be instead, whatever the facts: ``None`` if it is not known."""


ChangeObserver = Callable[[Session | None, Session, EventKind, Fact | Revision], None]
"""Told of each committed change: before, after, what was told of it, and what led to it."""


class Observer(Protocol):
    """Told of each decision right after its commit, before anything else can happen."""

    def committed(self, decision: Decision, item: FeedItem | None) -> None:
        """``item`` is ``None`` when nothing changed and there are only effects."""


@dataclass(slots=True, eq=False)
class _Letter:
    news: Fact | Revision
    reply: asyncio.Future[Session] | None

    @property
    def name(self) -> str:
        """For the log."""
        return "Revision" if callable(self.news) else type(self.news).__name__


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
        self._change_observers: list[ChangeObserver] = []
        self._now = now
        self._spawn = spawn
        self._mailboxes: dict[SessionId, deque[_Letter]] = {}
        self._closed = False
        self._attempts = 0
        self._outage = Outage(now)
        self._drained = asyncio.Event()
        self._drained.set()

    def observe(self, observer: Observer) -> None:
        """Tell ``observer`` of every decision from now on."""
        self._observer = observer

    def observe_changes(self, *observers: ChangeObserver) -> None:
        """Tell each of every change from now on, right after its commit; none may raise."""
        self._change_observers += observers

    def post(self, session_id: SessionId, fact: Fact) -> None:
        """Deliver a fact. One that cannot be committed is tried again until it can."""
        if not self._closed:
            self._deliver(session_id, _Letter(fact, None))

    async def submit(self, session_id: str, fact: Fact) -> Session:
        """Deliver a fact and return the session once what it led to is committed.

        Raises SessionNotFoundError; StoreError when it could not be committed, and then it did not
        happen; UnavailableError while the daemon shuts down.
        """
        self._require_open()
        session = self._directory.get(session_id)
        reply: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._deliver(session.id, _Letter(fact, reply))
        return await reply

    async def revise(self, session_id: SessionId, revision: Revision) -> Session:
        """Put another session in the place of this one, or of none, once all before it is judged.

        For what no fact can say: that the store was wrong. Raises as ``submit``.
        """
        self._require_open()
        reply: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._deliver(session_id, _Letter(revision, reply))
        return await reply

    def post_revision(self, session_id: SessionId, revision: Revision) -> None:
        """The same without waiting; one that cannot be committed is tried again until it can."""
        if not self._closed:
            self._deliver(session_id, _Letter(revision, None))

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

    def _require_open(self) -> None:
        if self._closed:
            message = "The supervisor is shutting down."
            raise UnavailableError(message)

    def _deliver(self, session_id: SessionId, letter: _Letter) -> None:
        mailbox = self._mailboxes.get(session_id)
        if mailbox is not None:
            if isinstance(letter.news, _LEVELS):
                _drop_outdated(mailbox, letter)
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
                session = await self._judge(session_id, letter.news)
            except StoreError as error:
                self._attempts += 1
                self._outage.failed(error, letter.name)
                if letter.reply is not None or self._closed:
                    _refuse(letter, error)
                    return
                self._refuse_waiting(session_id, error)
                await asyncio.sleep(STORE_RETRY_SECONDS)
            except Exception as error:
                if not isinstance(error, SessionNotFoundError):
                    log.exception("fact_crashed", fact=letter.name)
                self._attempts += 1
                _refuse(letter, error)
                return
            else:
                self._attempts += 1
                if letter.reply is not None and not letter.reply.done():
                    letter.reply.set_result(session)
                return

    def _refuse_waiting(self, session_id: SessionId, error: Exception) -> None:
        """Whoever waits behind a fact that cannot be committed is told, not kept waiting."""
        mailbox = self._mailboxes[session_id]
        for letter in [each for each in mailbox if each.reply is not None]:
            _refuse(letter, error)
            mailbox.remove(letter)

    def progress(self) -> int | None:
        """How many facts were ever judged, well or ill; ``None`` while none is waiting."""
        return self._attempts if self._mailboxes else None

    async def _judge(self, session_id: SessionId, news: Fact | Revision) -> Session:
        now = self._now()
        if callable(news):
            before = self._directory.find(session_id)
            decision = _revised(before, news(before))
        else:
            before = self._directory.get(session_id)
            decision = decide(before, news, now)
        item = None
        if (kind := decision.event) is not None:
            after = decision.session
            item = await self._database.run(
                lambda connection: commit_change(connection, after, kind, now)
            )
            self._outage.worked()
            if kind is EventKind.DELETE:
                self._directory.drop(session_id)
            else:
                if after.log_tail:
                    # It is in the store, and too much for memory.
                    after = replace(after, log_tail="")
                    decision = replace(decision, session=after)
                self._directory.put(after, item.data)
            _log_change(before, after, kind)
            for tell in self._change_observers:
                tell(before, after, kind, news)
        if self._observer is not None and (item is not None or decision.effects):
            self._observer.committed(decision, item)
        return decision.session


def _drop_outdated(mailbox: deque[_Letter], newer: _Letter) -> None:
    """Take out what ``newer`` says better; the first is being judged already."""
    kind = type(newer.news)
    for letter in list(mailbox)[1:]:
        same_wait = not isinstance(newer.news, DeadlinePassed) or letter.news == newer.news
        if letter.reply is None and type(letter.news) is kind and same_wait:
            mailbox.remove(letter)


def _revised(before: Session | None, after: Session) -> Decision:
    if after == before:
        return Decision(after)
    version = after.version if before is None else max(after.version, before.version + 1)
    return Decision(replace(after, version=version), (), EventKind.UPDATE)


def _refuse(letter: _Letter, error: Exception) -> None:
    if letter.reply is not None and not letter.reply.done():
        letter.reply.set_exception(error)


def _log_change(before: Session | None, after: Session, kind: EventKind) -> None:
    if kind is EventKind.DELETE:
        log.info("session_purged", user=after.user)
    elif before is None:
        log.warning("session_put_back", user=after.user, phase=after.phase.value)
    elif (after.phase, after.known_phase) != (before.phase, before.known_phase):
        over = after.phase is Phase.ENDED
        log.log(
            _change_level(before, after),
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


def _change_level(before: Session, after: Session) -> int:
    """All sessions lose the engine at once, and it is told once (``engine_lost``, ``_found``)."""
    if after.phase is Phase.ENDED and after.reason not in _ORDERLY:
        return logging.WARNING
    same = (after.known_phase or after.phase) is (before.known_phase or before.phase)
    return logging.DEBUG if same else logging.INFO
