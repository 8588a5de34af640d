"""Effects of one session, performed one after the other; their outcome returns as facts."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from supervisor.errors import EngineError, EngineUnreachableError, PolicyError, StoreError
from supervisor.lifecycle.effects import (
    CancelPreparation,
    CloseViewers,
    Effect,
    FreezeContainer,
    InspectContainer,
    PrepareSession,
    RemoveContainer,
    StartContainer,
    StopContainer,
    ThawContainer,
    UpdateContainer,
)
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.facts import Fact, LaunchFailed
from supervisor.lifecycle.session import Reason, SessionId

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0

_LAUNCH = (PrepareSession, StartContainer)
_OVERTAKEN = (StopContainer, FreezeContainer, ThawContainer, InspectContainer, UpdateContainer)
"""What a removal does not wait for."""

Perform = Callable[[SessionId, Effect], Awaitable[Fact | None]]
Post = Callable[[SessionId, Fact], None]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Lanes:
    """A lane per session that has something to do; lanes do not wait for each other."""

    def __init__(self, perform: Perform, post: Post, spawn: Spawn) -> None:
        self._perform = perform
        self._post = post
        self._spawn = spawn
        self._lanes: dict[SessionId, _Lane] = {}

    def add(self, session_id: SessionId, effects: Iterable[Effect]) -> None:
        """Perform these after whatever the session's lane holds already.

        What is waiting or under way is not asked for twice: effects are idempotent, and while the
        engine is away a session would pile up the same one at each deadline.
        """
        for effect in effects:
            if isinstance(effect, CancelPreparation):
                self._cancel_launch(session_id)
                continue
            if isinstance(effect, CloseViewers):
                # Needs no engine: behind one that is slow it would meet those who came since.
                self._spawn(self._attempt(session_id, _Lane(), effect))
                continue
            lane = self._lanes.get(session_id)
            if lane is not None and isinstance(effect, RemoveContainer):
                lane.overtake()
            if lane is None:
                lane = self._lanes[session_id] = _Lane()
                lane.task = self._spawn(self._work(session_id, lane))
            if effect not in lane.waiting and effect != lane.current:
                lane.waiting.append(effect)

    async def close(self) -> None:
        """Break off what is under way; the next life of the daemon takes it up again."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _cancel_launch(self, session_id: SessionId) -> None:
        """Give up starting. A start the engine is at work on is awaited: it may have happened."""
        lane = self._lanes.get(session_id)
        if lane is None:
            return
        lane.given_up = True
        lane.waiting = deque(each for each in lane.waiting if not isinstance(each, _LAUNCH))
        if lane.attempt is not None and lane.cancellable:
            lane.attempt.cancel()

    async def _work(self, session_id: SessionId, lane: _Lane) -> None:
        try:
            while lane.waiting:
                effect = lane.waiting.popleft()
                lane.current = effect
                lane.given_up = False
                lane.cancellable = isinstance(effect, PrepareSession)
                lane.attempt = asyncio.create_task(self._attempt(session_id, lane, effect))
                await asyncio.wait([lane.attempt])
                lane.attempt = lane.current = None
        finally:
            if lane.attempt is not None:
                lane.attempt.cancel()
                await asyncio.wait([lane.attempt])
            del self._lanes[session_id]

    async def _attempt(self, session_id: SessionId, lane: _Lane, effect: Effect) -> None:
        """Perform one effect, over and over while the engine or the store cannot be used."""
        delay = FIRST_RETRY_SECONDS
        fact: Fact | None = None
        with structlog.contextvars.bound_contextvars(
            session_id=session_id, effect=type(effect).__name__
        ):
            while True:
                try:
                    fact = await self._perform(session_id, effect)
                except (EngineUnreachableError, StoreError) as error:
                    if lane.given_up and isinstance(effect, _LAUNCH):
                        break  # whether it happened or not, its removal is next
                    level = logging.WARNING if delay == FIRST_RETRY_SECONDS else logging.DEBUG
                    log.log(level, "effect_delayed", error=str(error), retry_seconds=delay)
                except Exception as error:  # noqa: BLE001 the worker boundary
                    fact = _failure(effect, error)
                    break
                else:
                    break
                lane.cancellable = isinstance(effect, _LAUNCH)
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 jitter
                lane.cancellable = isinstance(effect, PrepareSession)
                delay = min(2 * delay, LAST_RETRY_SECONDS)
        if fact is not None:
            self._post(session_id, fact)


class _Lane:
    """What one session still has to have done."""

    __slots__ = ("attempt", "cancellable", "current", "given_up", "task", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Effect] = deque()
        self.task: asyncio.Task[None] | None = None
        self.current: Effect | None = None
        self.attempt: asyncio.Task[None] | None = None
        self.cancellable = False
        self.given_up = False
        """The launch under way is not wanted any more."""

    def overtake(self) -> None:
        """Who is to be removed need not be asked to stop, least of all by a call that hangs."""
        self.waiting = deque(each for each in self.waiting if not isinstance(each, _OVERTAKEN))
        if isinstance(self.current, _OVERTAKEN) and self.attempt is not None:
            self.attempt.cancel()


def _failure(effect: Effect, error: Exception) -> Fact | None:
    """What a failed effect means for its session; a failed end is tried again at its deadline."""
    if isinstance(error, SupervisorError):
        log.warning("effect_failed", code=error.code, error=str(error))
    else:
        log.error("effect_crashed", exc_info=error)
    if not isinstance(effect, _LAUNCH):
        return None
    if isinstance(error, EngineError | PolicyError):
        return LaunchFailed(error.reason, str(error))
    if isinstance(error, SupervisorError):
        return LaunchFailed(Reason.ENGINE_REFUSED, str(error))
    message = "The session could not be started: an internal error, which the daemon has logged."
    return LaunchFailed(Reason.ENGINE_REFUSED, message)
