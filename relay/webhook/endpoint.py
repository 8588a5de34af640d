"""Whether the receiver as a whole can be asked.

fine     several requests at once; one session's refusal is that session's business
suspect  nothing was accepted of several sessions in a row, or there is no connection at all:
         one request at a time, after ever longer pauses, until one is accepted
"""

from __future__ import annotations

from relay.backoff import Backoff
from relay.webhook.post import Outcome, Verdict
from supervisor.lifecycle.session import SessionId


class Endpoint:
    """What the verdicts say of the receiver. Times are seconds of one monotonic clock."""

    def __init__(self, backoff: Backoff, suspicion: int) -> None:
        self._backoff = backoff
        self._suspicion = suspicion
        self._refused: set[SessionId] = set()
        self._pauses = 0
        self.not_before = 0.0

    @property
    def suspect(self) -> bool:
        """Whether nothing is accepted at the moment, as far as is known."""
        return self._pauses > 0

    def admits(self, now: float, busy: int) -> bool:
        """Whether a request may begin while so many are under way."""
        return now >= self.not_before and not (self.suspect and busy)

    def accepted(self) -> None:
        """An event was delivered. A pause that was asked for is kept all the same."""
        self._refused.clear()
        self._pauses = 0

    def failed(self, session_id: SessionId, verdict: Verdict, now: float) -> None:
        """An attempt came to nothing."""
        self._refused.add(session_id)
        whole = verdict.outcome is not Outcome.REFUSED or len(self._refused) >= self._suspicion
        if (whole or self.suspect) and now >= self.not_before:
            # Those that were under way when the pause began do not make it longer.
            self._pauses += 1
            self.not_before = now + self._backoff.seconds(self._pauses)
        if verdict.outcome is Outcome.BUSY:
            self.not_before = max(self.not_before, now + (verdict.retry_after_seconds or 0.0))
