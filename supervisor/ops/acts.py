"""What the daemon does of its own accord, as acts for the audit trail."""

from __future__ import annotations

from supervisor.engine.base import ContainerRecord
from supervisor.lifecycle.audit import Act, AuditTrail, Detail
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import DeadlinePassed
from supervisor.lifecycle.session import Phase, Session

_BY_DEADLINE = {
    Phase.SUSPENDED: "session.suspend",
    Phase.TERMINATING: "session.terminate",
}


class SystemActs:
    """A ``ChangeObserver`` of the reactor: limits that were reached, and ends."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def __call__(
        self, before: Session | None, after: Session, kind: EventKind, news: object
    ) -> None:
        """See worker.ChangeObserver."""
        if before is None:
            return
        if isinstance(news, DeadlinePassed) and after.phase is not before.phase:
            action = _BY_DEADLINE.get(after.phase)
            if action is not None:
                self._record(action, after, {"deadline": news.name.value, "reason": _reason(after)})
        if after.phase is Phase.ENDED and before.phase is not Phase.ENDED:
            ended: dict[str, Detail] = {"reason": _reason(after), "exit_code": after.exit_code}
            if after.ended_at is not None:
                ended["seconds"] = round(max(0.0, after.ended_at - after.created_at), 3)
            self._record("session.end", after, ended)
        elif kind is EventKind.DELETE:
            self._record("session.forget", after, {})

    def orphan_removed(self, container: ContainerRecord) -> None:
        """A container that no session stood for is gone."""
        self._trail.record(
            Act(
                action="orphan.remove",
                session_id=container.session_id,
                user=container.user or None,
                details={"container_id": container.container_id[:12], "image": container.image},
            )
        )

    def _record(self, action: str, session: Session, details: dict[str, Detail]) -> None:
        self._trail.record(
            Act(action=action, session_id=session.id, user=session.user, details=details)
        )


def _reason(session: Session) -> str | None:
    return session.reason.value if session.reason else None
