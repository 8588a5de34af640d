"""Judging what the agent says. It is hostile input: it can lie about itself, never about another.

A callback may arrive more than once (the answer got lost); ``seq`` tells. It also tells when some
are missing: the agent gives the next number once the one before was taken, so that the store has
lost them, ``ready`` perhaps among them, which is said but once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.facts import (
    AgentFailed,
    AgentHeartbeat,
    AgentReady,
    AgentStarted,
    AgentTitle,
    Callback,
    CommandExited,
)
from supervisor.lifecycle.limits import limits_from_ready
from supervisor.lifecycle.session import Phase, Reason, Session, Timestamp, Usage
from supervisor.lifecycle.transitions import (
    OUT_OF_MEMORY,
    Decision,
    await_exit,
    is_starved,
    unchanged,
)

_LIVE = (Phase.STARTING, Phase.RUNNING, Phase.SUSPENDED)


def judge_callback(session: Session, fact: Callback, now: Timestamp) -> Decision:  # noqa: PLR0911 one per callback
    """What the agent reports, once per ``seq``."""
    if fact.seq <= session.callback_seq or session.phase in (Phase.PENDING, Phase.ENDED):
        return unchanged(session)
    heard = replace(session, callback_seq=fact.seq, last_seen_at=now)
    if fact.seq > session.callback_seq + 1:
        heard = _ready(heard, now)
    match fact:
        case AgentStarted():
            return Decision(heard)
        case AgentReady():
            return Decision(_ready(heard, now))
        case AgentHeartbeat():
            return Decision(_used(heard, fact.usage, now))
        case AgentTitle():
            return Decision(replace(heard, title=fact.title))
        case CommandExited():
            message = f"The command exited with code {fact.exit_code}."
            return _over(_reported(heard, fact), Reason.COMMAND_EXITED, message, now)
        case AgentFailed():
            return _over(_reported(heard, fact), fact.reason, fact.message, now)
        case _:
            assert_never(fact)


_RATE_SECONDS = 1.0
"""Reports closer together than this (several after an outage) say nothing about a rate."""


def _used(session: Session, usage: Usage, now: Timestamp) -> Session:
    since = session.usage_at or session.started_at or session.created_at
    if now < since:
        # The clock was set back: the next report has something to be compared with.
        return replace(session, usage=usage, usage_at=now)
    if now - since < _RATE_SECONDS:
        return replace(session, usage=usage)
    # An agent may say anything, also that time was given back.
    spent = max(0.0, usage.cpu_seconds - session.usage.cpu_seconds)
    return replace(session, usage=usage, cpu_cores=spent / (now - since), usage_at=now)


def _reported(session: Session, fact: CommandExited | AgentFailed) -> Session:
    has_log = session.has_log or bool(fact.log_tail)
    return replace(session, exit_code=fact.exit_code, log_tail=fact.log_tail, has_log=has_log)


def _ready(session: Session, now: Timestamp) -> Session:
    if session.phase is not Phase.STARTING:
        return session
    return replace(
        session,
        phase=Phase.RUNNING,
        progress=None,
        started_at=session.started_at or now,
        ready_at=now,
        deadlines=limits_from_ready(session, now),
    )


def _over(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """What the kernel killed for want of memory, command or X server, says no more of the cause."""
    if reason in (Reason.COMMAND_EXITED, Reason.X_SERVER_FAILED) and is_starved(session):
        return _leave(session, Reason.OUT_OF_MEMORY, OUT_OF_MEMORY, now)
    return _leave(session, reason, message, now)


def _leave(session: Session, reason: Reason, message: str, now: Timestamp) -> Decision:
    """The agent announces its end; its container follows by itself."""
    if session.phase not in _LIVE:
        return Decision(session)
    return await_exit(session, reason, message, now)
