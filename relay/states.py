"""What a session's phase allows."""

from __future__ import annotations

from relay.problems import ProblemError
from supervisor.lifecycle.session import Phase, Session, known_phase

_REMEDIES = {
    Phase.PENDING: "wait until it is",
    Phase.STARTING: "wait until it is",
    Phase.SUSPENDED: "resume it first",
}


def require_running(session: Session, what: str) -> None:
    """Raise ProblemError 409 unless the session runs; ``what`` is done only then."""
    phase = known_phase(session)
    if phase is not Phase.RUNNING:
        remedy = _REMEDIES.get(phase, "start another")
        detail = f"The session is {phase.value}; {what} while it is running: {remedy}."
        raise ProblemError(409, "not_running", detail)
