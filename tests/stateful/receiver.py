"""Whom the webhook posts to: at times not there, and strict about order."""

from __future__ import annotations

import asyncio
from enum import Enum

from relay.ports import StoredEvent
from relay.webhook.post import Outcome, Post, Verdict
from relay.webhook.webhook import Webhook
from supervisor.lifecycle.session import SessionId
from tests.stateful.history import History


class Mood(Enum):
    """What the receiver does with what is posted."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    IS_AWAY = "is away"


class Receiver:
    """Takes the place of ``Post``; remembers what it accepted over all lives of the daemon."""

    def __init__(self, history: History, *, may_skip: bool) -> None:
        self.mood = Mood.ACCEPTS
        self.may_skip = may_skip
        """Whether the outbox is so short that what was not delivered in time may be gone."""
        self.accepted: dict[SessionId, list[int]] = {}
        """Numbers of events, in the order in which they first came."""
        self.broken: list[str] = []
        self._history = history

    async def __call__(self, event: StoredEvent) -> Verdict:
        """One attempt; the daemon may die before it hears of it."""
        await asyncio.sleep(0)
        match self.mood:
            case Mood.REFUSES:
                return Verdict(Outcome.REFUSED, "no")
            case Mood.IS_AWAY:
                return Verdict(Outcome.UNREACHABLE, "no connection")
            case Mood.ACCEPTS:
                self._accept(event)
        await asyncio.sleep(0)
        return Verdict(Outcome.DELIVERED)

    def _accept(self, event: StoredEvent) -> None:
        accepted = self.accepted.setdefault(event.session_id, [])
        if event.seq in accepted:
            return
        committed = self._history.numbers[event.session_id]
        in_order = not accepted or event.seq > accepted[-1]
        complete = self.may_skip or committed[: len(accepted) + 1] == [*accepted, event.seq]
        if not (in_order and complete):
            self.broken.append(f"{event.session_id}: {event.seq} after {accepted}, of {committed}")
        accepted.append(event.seq)


class PostedWebhook(Webhook):
    """The webhook, with a receiver in place of the network."""

    receiver: Receiver

    async def _work(self, post: Post) -> None:  # noqa: ARG002 the receiver takes its place
        await super()._work(self.receiver)  # type: ignore[arg-type] # it is called like one
