"""Changing a session that is there: its name, its params, what its host lets be copied.

Params are those that its template lets users change. A session that waits is started with the new
ones. One that has a container keeps what it was started with, but for the container's limits
(memory, processors, processes): those are updated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from supervisor.lifecycle.effects import CloseViewers, Effect, UpdateContainer
from supervisor.lifecycle.facts import ChangeRequested, ClipboardBounded, ContainerUpdated
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Session
from supervisor.lifecycle.transitions import CloseCode, Decision, unchanged

_REFUSED = "The container keeps the limits it had: "


def judge_change(
    session: Session, fact: ChangeRequested | ContainerUpdated | ClipboardBounded
) -> Decision:
    """A wish to change the session, and what came of it; or another policy of the host's."""
    match fact:
        case ClipboardBounded(ceiling):
            return _bound_clipboard(session, ceiling)
        case ChangeRequested():
            return _change(session, fact)
        case ContainerUpdated():
            return _updated(session, fact)
        case _:
            assert_never(fact)


def repeat_update(session: Session) -> tuple[Effect, ...]:
    """What the daemon has to ask again after a restart."""
    return (UpdateContainer(session.spec),) if session.update_due else ()


def _change(session: Session, fact: ChangeRequested) -> Decision:
    if session.phase in (Phase.TERMINATING, Phase.ENDED):
        return unchanged(session)
    named = replace(session, name=session.name if fact.name is None else fact.name)
    rendered = fact.rendered
    if rendered is None:
        return Decision(named)
    if rendered.waiting is not (session.phase is Phase.PENDING):
        # It was started while this was rendered: whoever asked renders it again.
        return unchanged(session)
    changed = replace(named, params=dict(rendered.params), spec=rendered.spec)
    if rendered.waiting:
        return Decision(replace(changed, image=rendered.image, command=rendered.command))
    if changed.spec == session.spec:
        return Decision(changed)
    return Decision(replace(changed, update_due=True), (UpdateContainer(changed.spec),))


def _bound_clipboard(session: Session, ceiling: ClipboardPolicy) -> Decision:
    """A display under way cannot be filtered from its middle on: who is in control comes anew."""
    if session.phase is Phase.ENDED:
        return unchanged(session)
    bounded = replace(session, clipboard_ceiling=ceiling)
    if bounded.clipboard is session.clipboard:
        return Decision(bounded)
    return Decision(bounded, (CloseViewers(CloseCode.TERMS_CHANGED, in_control_only=True),))


def _updated(session: Session, fact: ContainerUpdated) -> Decision:
    """What the engine says of older limits says nothing of those that it has yet to be given."""
    if fact.spec != session.spec:
        return unchanged(session)
    refusal = fact.refusal
    message = "" if session.message.startswith(_REFUSED) else session.message
    if refusal is not None and session.phase in (Phase.RUNNING, Phase.SUSPENDED):
        message = f"{_REFUSED}{refusal}"
    return Decision(replace(session, update_due=False, message=message))
