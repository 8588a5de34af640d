"""The webhook: every committed change posted to the web server, in order per session.

    outbox ──> Backlog: lanes, position ──> a few workers ──> Post ──> Verdict ──> Endpoint
                        (saved)               lane by lane                         may we go on?

At least once: what was delivered is remembered a moment later, and what was delivered in that
moment is delivered again after a crash, under the same ``webhook-id``. An event is read from the
store when its turn comes, so that an hour's backlog costs no memory; nothing here is waited for by
any session.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, assert_never
from urllib.parse import urlsplit

import aiohttp
import structlog

from relay.backoff import Backoff
from relay.bell import Bell
from relay.config import WebhookConfig
from relay.measures import UNMEASURED, Measures
from relay.ports import Outbox, StoredEvent
from relay.webhook.backlog import Backlog
from relay.webhook.endpoint import Endpoint
from relay.webhook.lanes import Lane
from relay.webhook.post import Outcome, Post, Verdict
from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339

_KEEP_ALIVE_SECONDS = 4.0
"""Shorter than what common web servers keep an idle connection for."""

_SAVE_SECONDS = 2.0
"""At the end, for what was delivered to be remembered."""

_GONE = "The receiver answered 410 Gone: nothing is delivered until relay.webhook.url is changed."

_log = structlog.get_logger()


class Webhook:
    """Delivers while ``run`` runs; ``stop`` ends it."""

    def __init__(
        self,
        config: WebhookConfig,
        outbox: Outbox,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], Timestamp] = time.time,
        measures: Measures = UNMEASURED,
    ) -> None:
        limits = config.limits
        self._config = config
        self._outbox = outbox
        self._clock = clock
        self._now = now
        self._measures = measures
        self._bell = Bell()
        self._backlog = Backlog(outbox, limits, self._bell)
        self._backoff = Backoff(limits.first_retry_seconds, limits.last_retry_seconds)
        self._endpoint = Endpoint(
            Backoff(limits.first_retry_seconds, limits.last_probe_seconds), limits.suspicion
        )
        self._address = hashlib.sha256(config.url.encode()).hexdigest()
        self._receiver = urlsplit(config.url).hostname
        self._busy = 0
        self._trouble = ""
        self._accepted_at: Timestamp | None = None
        self._ending = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def _stopped(self) -> bool:
        return self._backlog.stopped_for == self._address

    @property
    def _paused(self) -> bool:
        return self._stopped or self._clock() < self._endpoint.not_before

    def state(self) -> Mapping[str, Any]:
        """For the node object: whether it gets on, and what is in the way."""
        lanes = self._backlog.lanes
        state = "failing" if self._endpoint.suspect else "delivering"
        return {
            "state": "stopped" if self._stopped else state,
            "message": self._trouble if len(lanes) or self._stopped else "",
            "sessions_behind": len(lanes),
            "sessions_refused": lanes.waiting,
            "last_delivered_at": rfc3339(self._accepted_at),
        }

    async def run(self) -> None:
        """Deliver until stopped or cancelled."""
        self._idle.clear()
        try:
            await self._backlog.load()
            if self._stopped:
                self._trouble = _GONE
                _log.warning("webhook_still_stopped", receiver=self._receiver, message=_GONE)
            else:
                self._backlog.stopped_for = None
                self._backlog.change()
                _log.info("webhook_started", receiver=self._receiver)
                await self._deliver()
        finally:
            self._idle.set()

    async def stop(self, deadline_seconds: float) -> None:
        """Deliver what can be before the deadline, and end; what is left is for the next life.

        ``run`` has ended then, unless the store does not answer: to be cancelled in any case.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                while not self._idle.is_set() and self._getting_on:
                    await self._bell.wait()
        self._ending.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SAVE_SECONDS):
                await self._idle.wait()

    @property
    def _getting_on(self) -> bool:
        """Whether there is something to deliver and nothing in the way of it."""
        lanes = self._backlog.lanes
        left = len(lanes) > lanes.waiting or not self._backlog.all_known
        return left and not self._endpoint.suspect and not self._paused

    async def _deliver(self) -> None:
        limits = self._config.limits
        http = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(
                limit=limits.connections, keepalive_timeout=_KEEP_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "fx-supervisor"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_seconds),
        )
        async with http, asyncio.TaskGroup() as tasks:
            post = Post(http, self._config, self._now)
            running = [
                tasks.create_task(self._backlog.follow()),
                tasks.create_task(self._backlog.keep()),
                *(tasks.create_task(self._work(post)) for _ in range(limits.connections)),
            ]
            await self._ending.wait()
            for task in running:
                task.cancel()
        await self._backlog.save()

    async def _work(self, post: Post) -> None:
        """Deliver one lane's events for a turn, then another's."""
        while True:
            lane = await self._next_lane()
            due: float | None = None
            try:
                with structlog.contextvars.bound_contextvars(session_id=lane.session_id):
                    due = await self._serve(lane, post)
            except UnavailableError as error:
                _log.error("webhook_outbox_unreadable", error=str(error))
                due = self._clock() + self._config.limits.store_retry_seconds
            except Exception:  # noqa: BLE001 the worker's boundary
                lane.failures += 1
                due = self._clock() + self._backoff.seconds(lane.failures)
                _log.exception("webhook_crashed", session_id=lane.session_id)
            finally:
                self._busy -= 1
                self._backlog.lanes.give_back(lane, due)
                self._backlog.change()
                self._bell.ring()

    async def _next_lane(self) -> Lane:
        while True:
            now = self._clock()
            endpoint, lanes = self._endpoint, self._backlog.lanes
            if self._stopped:
                wakening = None
            elif endpoint.admits(now, self._busy):
                lane = lanes.take(now, unspoilt=endpoint.suspect)
                if lane is not None:
                    self._busy += 1
                    return lane
                wakening = lanes.next_due()
            else:
                # Not yet, or somebody else is asking: who will ring when the answer is there.
                wakening = endpoint.not_before if now < endpoint.not_before else None
            await self._bell.wait(None if wakening is None else wakening - now)

    async def _serve(self, lane: Lane, post: Post) -> float | None:
        """Deliver some of a lane's events; when it may have its next turn (``None``: any time)."""
        # More may become known meanwhile: only of this stretch it is said that there is nothing.
        stretch = lane.stretch
        events = await self._outbox.events(stretch, self._config.limits.turn_events)
        if not events:
            lane.first = stretch.last + 1
        for event in events:
            verdict = await post(event)
            self._measures.webhook_attempted(verdict.outcome.name.lower())
            match verdict.outcome:
                case Outcome.DELIVERED:
                    self._note_delivered(lane, event)
                case Outcome.GONE:
                    self._stop_for_good()
                    return None
                case Outcome.REFUSED | Outcome.BUSY | Outcome.UNREACHABLE:
                    return await self._note_failed(lane, event, verdict)
                case _:
                    assert_never(verdict.outcome)
            if self._paused:
                break
        return None

    def _note_delivered(self, lane: Lane, event: StoredEvent) -> None:
        if lane.failures:
            _log.info("webhook_accepted_again", failures=lane.failures)
        if self._endpoint.suspect:
            _log.info("webhook_receiver_recovered", receiver=self._receiver)
        lane.first, lane.failures = event.seq + 1, 0
        self._endpoint.accepted()
        self._accepted_at = self._now()
        self._backlog.change()

    async def _note_failed(self, lane: Lane, event: StoredEvent, verdict: Verdict) -> float | None:
        """Judge lane and receiver; when the lane may be tried again."""
        now = self._clock()
        suspect = self._endpoint.suspect
        self._endpoint.failed(lane.session_id, verdict, now)
        self._trouble = f"The last failure: {verdict.why}."
        if self._endpoint.suspect and not suspect:
            _log.warning("webhook_receiver_failed", receiver=self._receiver, reason=verdict.why)
        lane.failures += 1
        # That nobody listens is told once, not of every session that finds it out.
        if lane.failures == 1 and verdict.outcome is not Outcome.UNREACHABLE:
            _log.warning("webhook_refused", webhook_id=event.id, reason=verdict.why)
        await self._give_up_overdue(lane, event, verdict)
        if suspect or verdict.outcome is Outcome.UNREACHABLE:
            # The receiver's own pause is enough: the event may be as good as any.
            return None
        wait = self._backoff.seconds(lane.failures)
        return now + max(wait, verdict.retry_after_seconds or 0.0)

    async def _give_up_overdue(self, lane: Lane, event: StoredEvent, verdict: Verdict) -> None:
        """Pass over what could not be delivered for as long as was to be tried."""
        oldest = self._now() - self._config.give_up_seconds
        if event.at >= oldest:
            return
        overdue = await self._outbox.overdue(lane.stretch, oldest)
        lane.first = overdue.next
        _log.error(
            "webhook_dead_lettered",
            webhook_id=event.id,
            events=overdue.count,
            failures=lane.failures,
            reason=verdict.why,
        )

    def _stop_for_good(self) -> None:
        _log.error("webhook_stopped", receiver=self._receiver, message=_GONE)
        self._backlog.stopped_for = self._address
        self._backlog.change()
        self._trouble = _GONE
