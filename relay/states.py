"""What a session's phase allows."""

from __future__ import annotations

from relay.problems import ProblemError
from supervisor.lifecycle.session import Phase, Session

_REMEDIES = {
    Phase.PENDING: "wait until it is",
    Phase.STARTING: "wait until it is",
    Phase.SUSPENDED: "resume it first",
}


def known_phase(session: Session) -> Phase:
    """The phase, or the one that was known before the engine could not be asked any more."""
    return session.known_phase or session.phase


def require_running(session: Session, what: str) -> None:
    """Raise ProblemError 409 unless the session runs; ``what`` is done only then."""
    phase = known_phase(session)
    if phase is not Phase.RUNNING:
        remedy = _REMEDIES.get(phase, "start another")
        detail = f"The session is {phase.value}; {what} while it is running: {remedy}."
        raise ProblemError(409, "not_running", detail)
