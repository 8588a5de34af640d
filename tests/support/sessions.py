"""Sessions for tests: ordinary ones, in whichever phase."""

from __future__ import annotations

from dataclasses import replace

from supervisor.lifecycle.facts import DeadlinePassed
from supervisor.lifecycle.session import DeadlineName, Phase, Session, SessionId

NOW = 1_700_000_000.0
CONTAINER = "c0ffee" * 10 + "cafe"
SESSION_ID = SessionId("01hf000000000000000000000a")


def pending_session(session_id: str = SESSION_ID, user: str = "alice") -> Session:
    """A session that has just been accepted."""
    return Session(
        id=SessionId(session_id),
        user=user,
        name="Terminal",
        template="docker",
        image="fx-sample:bookworm",
        command="xterm",
        geometry="1280x800",
        dpi=96,
        created_at=NOW - 10,
        node="host",
    )


def session_in(phase: Phase) -> Session:
    """A plausible session of this phase, with a container wherever there would be one."""
    session = pending_session()
    if phase is Phase.PENDING:
        return session
    session = replace(session, phase=phase, token_hash="ab" * 32, container_id=CONTAINER)
    match phase:
        case Phase.STARTING:
            return replace(session, container_id=None, deadlines={DeadlineName.STARTUP: NOW + 50})
        case Phase.TERMINATING:
            return replace(session, deadlines={DeadlineName.TERMINATION: NOW + 5})
        case Phase.ENDED:
            return replace(session, ended_at=NOW - 1, token_hash=None)
        case Phase.UNKNOWN:
            return replace(session, known_phase=Phase.RUNNING)
        case _:
            return replace(session, started_at=NOW - 5, ready_at=NOW - 4)


def passed(session: Session, name: DeadlineName) -> DeadlinePassed:
    """The news that this wait of the session is over."""
    return DeadlinePassed(name, session.deadlines[name])
