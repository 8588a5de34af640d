"""Sessions that somebody has suspended here, by hand: their guests wait until they are resumed.

    suspended ──> paused ──> it runs again, or is gone ──> forgotten

What was suspended by its time limit is not among them: whoever comes to that resumes it, as the
relay has it. In memory for every question, in the store for the next life.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from portal.errors import ProblemError, StoreError
from portal.store import pause_rows
from portal.store.database import Database
from portal.upstream.mirror import Mirror

_log = structlog.get_logger()


class PausedError(ProblemError):
    """409 ``paused``: it opens for guests when it is resumed by who may do that."""

    def __init__(self) -> None:
        detail = "The session was paused by its owner; it opens when it is resumed."
        super().__init__(409, "paused", detail)


class Pauses:
    """All of them."""

    def __init__(self, database: Database, mirror: Mirror) -> None:
        self._database = database
        self._mirror = mirror
        self._noted: set[str] = set()
        """Ids of sessions."""
        self._asked: Counter[str] = Counter()
        """Those that the relay is asked to suspend at the moment."""

    async def load(self) -> None:
        """Take up those of the last life."""
        self._noted = await self._database.run(pause_rows.load)

    def holds(self, session_id: str) -> bool:
        """Whether the session's guests wait."""
        return self._asked[session_id] > 0 or (
            session_id in self._noted and not self._is_over(session_id)
        )

    @contextmanager
    def asked(self, session_id: str) -> Iterator[None]:
        """Within the block it holds already: no guest shall come between."""
        self._asked[session_id] += 1
        try:
            yield
        finally:
            self._asked[session_id] -= 1
            if not self._asked[session_id]:
                del self._asked[session_id]

    async def note(self, session_id: str) -> None:
        """It is suspended, and the mirror knows."""
        self._noted.add(session_id)
        try:
            await self._database.run(partial(pause_rows.keep, session_id=session_id))
        except StoreError as error:
            # It holds; the next life will take it for one that was suspended by its time limit.
            _log.warning("store_failed", error=str(error))

    async def forget_resumed(self) -> None:
        """Those that run again, or are gone, are paused no more. Raises StoreError."""
        if over := [*filter(self._is_over, self._noted)]:
            self._noted.difference_update(over)
            await self._database.run(partial(pause_rows.drop, ids=over))

    def _is_over(self, session_id: str) -> bool:
        session = self._mirror.sessions.get(session_id)
        return session is None or session["phase"] in {"running", "ended"}
