"""What a call of an agent passes: it is not of a guesser, names its session, and is one of few."""

from __future__ import annotations

from aiohttp import web

from relay.connection import Connection
from relay.credentials import session_of_header
from relay.defence.guesses import Guesses
from relay.defence.offences import Offence, Offences
from relay.defence.pace import Pace
from relay.defence.strangers import Strangers
from relay.ports import Sessions
from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId


class Doors:
    """In the order of what they cost; whoever does not pass is counted."""

    def __init__(
        self,
        sessions: Sessions,
        strangers: Strangers,
        guesses: Guesses,
        pace: Pace,
        offences: Offences,
    ) -> None:
        self._sessions = sessions
        self._strangers = strangers
        self._guesses = guesses
        self._pace = pace
        self._offences = offences

    def admit(self, request: web.Request) -> SessionId:
        """Whose agent calls. Raises ProblemError 401, 503, or 429 when it is too much."""
        if self._guesses.are_used_up(request.transport):
            raise _too_many("There were too many wrong tokens; try again a little later.")
        try:
            authorization = request.headers.get("Authorization")
            session_id = session_of_header(authorization, self._sessions)
        except ProblemError as error:
            if error.status == 401:
                self._guesses.count(request.transport)
            raise
        if not self._introduce(request, session_id):
            raise _too_many("The session has too many calls under way.")
        try:
            self._pace.take(session_id)
        except ProblemError:
            self._offences.note(Offence.CALLS, session_id)
            raise
        return session_id

    def _introduce(self, request: web.Request, session_id: SessionId) -> bool:
        connection = request.protocol
        if not isinstance(connection, Connection) or connection.uid is None:
            # It is gone again.
            return True
        return self._strangers.introduce(connection.uid, connection, session_id)


def _too_many(detail: str) -> ProblemError:
    return ProblemError(429, "too_many_calls", detail, headers={"Retry-After": "1"})
