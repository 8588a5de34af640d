"""The machine is worth its time: each of these defects, planted into the daemon, is found.

A defect that would survive is a hole in the machine, or in what ``invariants`` asks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from supervisor.engine.base import ContainerRecord
from supervisor.lifecycle import callbacks, changes, containers, decide, transitions
from supervisor.lifecycle.delivery import Position
from supervisor.lifecycle.effects import EventKind, UpdateContainer
from supervisor.lifecycle.facts import Callback, ContainerGone, ContainerUpdated, PurgeRequested
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Reason, Session, SessionId, Timestamp
from supervisor.lifecycle.transitions import Decision
from supervisor.lifecycle.view import update_document
from supervisor.reactor import drift, intake, worker
from supervisor.reactor.admission import Admission
from supervisor.reactor.ceiling import Ceiling
from supervisor.reactor.committed import Committed
from supervisor.reactor.service import SessionService
from supervisor.reactor.watcher import Watcher
from supervisor.store import outbox
from supervisor.store import sessions as stored
from tests.stateful.machine import SupervisorMachine

EXAMPLES = 3000
"""Enough for the most hidden of them, by some way; most take a few dozen."""

Plant = Callable[[pytest.MonkeyPatch], None]


def a_change_is_not_told(patch: pytest.MonkeyPatch) -> None:
    """A session is written without the outbox row that tells of it."""

    def write(
        connection: sqlite3.Connection, session: Session, kind: EventKind, at: Timestamp
    ) -> FeedItem:
        item = stored.commit_change(connection, session, kind, at)
        if session.phase is Phase.SUSPENDED:
            connection.execute("DELETE FROM outbox WHERE seq = ?", (item.seq,))
        return item

    patch.setattr(worker, "commit_change", write)


def a_change_is_told_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """The outside learns, and effects are performed, of what a crash or a full disk undoes."""
    judge = worker.Reactor._judge

    async def hasty(self: worker.Reactor, session_id: SessionId, news: Any) -> Session:  # noqa: ANN401
        now = self._now()
        decision = (
            None if callable(news) else decide.decide(self._directory.get(session_id), news, now)
        )
        if decision is None or decision.event is not EventKind.UPDATE:
            return await judge(self, session_id, news)
        after = decision.session
        self._directory.put(after)
        assert isinstance(self._observer, Committed)
        seq = self._observer._broadcast.latest() + 1
        data = update_document(after)
        self._observer.committed(
            decision, FeedItem(seq, EventKind.UPDATE, after.id, after.user, data)
        )
        await self._database.run(
            lambda connection: stored.commit_change(connection, after, EventKind.UPDATE, now)
        )
        return after

    patch.setattr(worker.Reactor, "_judge", hasty)


def a_reconnect_is_not_followed_by_a_listing(patch: pytest.MonkeyPatch) -> None:
    """What happened while there was no event stream is never learnt of."""
    look = Watcher._list

    async def once(self: Watcher) -> None:
        if not (self.health.adopted and self.health.reachable):
            await look(self)

    patch.setattr(Watcher, "_list", once)


def a_missed_container_is_left_out_of_listings(patch: pytest.MonkeyPatch) -> None:
    """A listing does not tell what is missing from it."""

    def judge(session: Session, fact: ContainerGone, now: Timestamp) -> Decision:
        if session.phase is Phase.RUNNING:
            return transitions.unchanged(session)
        return gone(session, fact, now)

    gone = containers._gone
    patch.setattr(containers, "_gone", judge)


def orphans_are_left(patch: pytest.MonkeyPatch) -> None:
    """What a creation left behind whose session was over stays for ever."""

    def judge(_container: ContainerRecord, _picture: drift.Picture) -> bool:
        return False

    patch.setattr(drift, "_is_orphan", judge)


def callbacks_are_not_numbered(patch: pytest.MonkeyPatch) -> None:
    """What an agent has said before counts again."""
    judge = callbacks.judge_callback

    def forgetful(session: Session, fact: Callback, now: Timestamp) -> Decision:
        return judge(replace(session, callback_seq=-1), fact, now)

    patch.setattr(decide, "judge_callback", forgetful)


def timers_are_not_set_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    """Deadlines of sessions that were taken over never pass."""

    def resume(self: Committed, session: Session) -> None:
        self._admission.observe(session)

    patch.setattr(Committed, "resume", resume)


def the_end_comes_before_the_container_is_gone(patch: pytest.MonkeyPatch) -> None:
    """Whoever is told that a session has ended may still find it running."""

    def hasty(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
        return transitions.end(session, reason, message, now)

    patch.setattr(callbacks, "await_exit", hasty)


def the_last_reason_wins(patch: pytest.MonkeyPatch) -> None:
    """What follows from an end is told as its cause."""
    ending = transitions._terminating

    def forgetful(session: Session, reason: Reason, message: str, due: Timestamp) -> Session:
        return ending(replace(session, reason=None), reason, message, due)

    patch.setattr(transitions, "_terminating", forgetful)


def slots_are_not_given_back(patch: pytest.MonkeyPatch) -> None:
    """After some sessions have ended, nobody starts any more."""
    observe = Admission.observe

    def keep(self: Admission, session: Session) -> None:
        if session.phase is not Phase.ENDED:
            observe(self, session)

    patch.setattr(Admission, "observe", keep)


def a_purge_is_answered_at_once(patch: pytest.MonkeyPatch) -> None:
    """Whoever purges is told so while the container is still there."""

    async def purge(self: SessionService, session_id: str) -> None:
        await self.reactor.submit(session_id, PurgeRequested())

    patch.setattr(SessionService, "purge", purge)


def a_key_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    """A start that is repeated with its key is another session."""
    patch.setattr(intake, "find_claim", lambda *_: None)
    patch.setattr(intake, "claim", lambda *_: None)


def a_replay_begins_too_late(patch: pytest.MonkeyPatch) -> None:
    """A reader who comes back misses an event now and then."""
    replay = outbox.replay

    def skip(connection: sqlite3.Connection, after: int, *rest: Any) -> Any:  # noqa: ANN401
        items = replay(connection, after, *rest)
        return items[1:] if items and len(items) > 1 else items

    patch.setattr("supervisor.reactor.service.replay", skip)


def a_lost_engine_has_no_containers(patch: pytest.MonkeyPatch) -> None:
    """An engine that does not answer is taken for one on which nothing runs."""
    lose = Watcher._lose

    def despair(self: Watcher, error: Any, delay: float) -> None:  # noqa: ANN401
        lose(self, error, delay)
        for session in self._directory.live():
            if session.container_id is not None:
                self._post(session.id, ContainerGone(session.container_id))

    patch.setattr(Watcher, "_lose", despair)


def the_webhook_forgets_what_it_has_to_deliver(patch: pytest.MonkeyPatch) -> None:
    """After a restart it goes on with what comes then."""

    def forgetful(seq: int, _lanes: object, stopped_for: str | None) -> Position:
        return Position(seq, {}, stopped_for)

    patch.setattr("relay.webhook.backlog.Position", forgetful)


def changes_are_taken_for_the_one_before(patch: pytest.MonkeyPatch) -> None:
    """A change that comes while the engine is at another one never reaches the container."""

    def settled(session: Session, fact: ContainerUpdated) -> Decision:
        return updated(session, replace(fact, spec=session.spec))

    updated = changes._updated
    patch.setattr(changes, "_updated", settled)
    patch.setattr(UpdateContainer, "__eq__", lambda self, other: type(self) is type(other))


def a_policy_holds_for_newcomers_alone(patch: pytest.MonkeyPatch) -> None:
    """Who was accepted while more was let through keeps it over a restart as well."""
    patch.setattr(Ceiling, "observe", lambda *_: None)


PLANTS: tuple[Plant, ...] = (
    changes_are_taken_for_the_one_before,
    a_change_is_not_told,
    a_change_is_told_before_it_is_stored,
    a_reconnect_is_not_followed_by_a_listing,
    a_missed_container_is_left_out_of_listings,
    orphans_are_left,
    callbacks_are_not_numbered,
    timers_are_not_set_after_a_restart,
    the_end_comes_before_the_container_is_gone,
    the_last_reason_wins,
    slots_are_not_given_back,
    a_purge_is_answered_at_once,
    a_key_is_not_remembered,
    a_replay_begins_too_late,
    a_lost_engine_has_no_containers,
    the_webhook_forgets_what_it_has_to_deliver,
    a_policy_holds_for_newcomers_alone,
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(
    machine: type[SupervisorMachine], monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """The machine fails, and not because of itself."""
    plant(monkeypatch)
    bounded = settings(
        machine.TestCase.settings,
        max_examples=EXAMPLES,
        phases=(Stage.generate,),
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=bounded)
