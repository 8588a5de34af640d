"""What stands between hostile sessions and everybody else, put together."""

from __future__ import annotations

from relay.config import RelayLimits
from relay.connection import Connection
from relay.defence.guesses import Guesses
from relay.defence.offences import Offence, Offences
from relay.defence.origin import Origins
from relay.defence.strangers import Strangers
from relay.defence.turnstile import Turnstile
from relay.ports import Feed, Sessions
from relay.remotes import remote_at
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.session import Session, SessionId


class Defence:
    """Bounds on connections and tokens of containers, and the log of who goes beyond them."""

    def __init__(self, sessions: Sessions, feed: Feed, limits: RelayLimits) -> None:
        self._sessions = sessions
        self._feed = feed
        origins = Origins()
        self.offences = Offences(self._session_in, self._session, origins, limits.offence_seconds)
        self.session_gate = Turnstile(limits, origins, self.offences)
        # Displays that come back all at once do not use up what callbacks may.
        self.display_gate = Turnstile(limits, origins, self.offences)
        self.guesses = Guesses(
            limits.wrong_tokens, limits.wrong_tokens_a_second, origins, self.offences
        )
        self.strangers = Strangers(
            per_uid=limits.strangers_per_uid,
            per_session=limits.connections_per_session,
            offences=self.offences,
        )

    def note_late(self, connection: Connection) -> None:
        """A request's head did not come in time."""
        remote = remote_at(connection.transport)
        if remote is not None:
            self.offences.note(Offence.UNFINISHED_HEADS, remote)
        else:
            self.offences.note_peer(Offence.UNFINISHED_HEADS, connection.transport)

    def _session_in(self, container_id: str) -> Session | None:
        """Whose container it is. Looks at all of them: for the log, now and then."""
        sessions = self._feed.snapshot()
        return next((each for each in sessions if each.container_id == container_id), None)

    def _session(self, session_id: SessionId) -> Session | None:
        try:
            return self._sessions.get(session_id)
        except SessionNotFoundError:
            return None
