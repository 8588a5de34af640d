"""Shares that hold: of a session, by its owner, to a named user or to whoever holds a link.

In memory for every question, in the store for the next life. A link's token is kept as its hash.
A share ends when told, when its time is over, and with its session.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from functools import partial

from portal.access import Mode, best
from portal.errors import ProblemError, StoreError
from portal.store import share_rows
from portal.store.database import Database
from portal.store.share_rows import Share

MOST_PER_SESSION = 64
"""Who makes more of them makes all that looks at shares slow."""


class Shares:
    """All shares; ``clock`` is in seconds since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._by_id: dict[str, Share] = {}
        self._by_session: dict[str, dict[str, Share]] = {}

    async def load(self) -> None:
        """Take up those of the last life."""
        for share in await self._database.run(share_rows.load):
            self._add(share)

    async def make(
        self, session_id: str, owner: str, user: str | None, mode: Mode, seconds: float
    ) -> tuple[Share, str | None]:
        """A new share, and the token of its link if it is for anyone.

        Raises StoreError; ProblemError 409 when the session has too many.
        """
        if len(self.of_session(session_id)) >= MOST_PER_SESSION:
            detail = f"The session has {MOST_PER_SESSION} shares already: end some of them."
            raise ProblemError(409, "too_many_shares", detail)
        token = None if user is not None else secrets.token_urlsafe(32)
        now = self._clock()
        share = Share(
            id=secrets.token_hex(8),
            key=None if token is None else _key(token),
            session_id=session_id,
            owner=owner,
            user=user,
            mode=mode,
            created_at=now,
            expires_at=now + seconds,
        )
        # Counted before it is written: those that are made side by side count as well.
        self._add(share)
        try:
            await self._database.run(partial(share_rows.keep, share=share))
        except StoreError:
            self._remove(share.id)
            raise
        return share, token

    def find(self, share_id: str) -> Share | None:
        """The share of that id, if it holds."""
        share = self._by_id.get(share_id)
        return share if share is not None and self._holds(share) else None

    def by_token(self, token: str) -> Share | None:
        """The share of a link, if it holds."""
        key = _key(token)
        return next((each for each in self._all() if each.key == key), None)

    def of_session(self, session_id: str) -> list[Share]:
        """Those of one session, the newest first."""
        found = filter(self._holds, self._by_session.get(session_id, {}).values())
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    def to(self, user: str, session_id: str) -> Share | None:
        """The share by which a user sees a session: the one that allows most."""
        found = [each for each in self.of_session(session_id) if each.user == user]
        mode = best(tuple(each.mode for each in found))
        return next((each for each in found if each.mode is mode), None)

    def sessions_shared_with(self, user: str) -> set[str]:
        """Ids of the sessions that a user sees by name."""
        return {each.session_id for each in self._all() if each.user == user}

    def over(self) -> list[Share]:
        """Those whose time is over."""
        return [each for each in self._by_id.values() if not self._holds(each)]

    def sessions(self) -> set[str]:
        """Ids of the sessions that have shares."""
        return set(self._by_session)

    async def end(self, shares: Iterable[Share]) -> None:
        """They hold no more, and are forgotten. Raises StoreError: after a restart they would."""
        ids = [share.id for share in shares]
        for each in ids:
            self._remove(each)
        await self._database.run(partial(share_rows.drop, ids=ids))

    def _add(self, share: Share) -> None:
        self._by_id[share.id] = share
        self._by_session.setdefault(share.session_id, {})[share.id] = share

    def _remove(self, share_id: str) -> None:
        share = self._by_id.pop(share_id, None)
        if share is None:
            return
        of_session = self._by_session[share.session_id]
        del of_session[share_id]
        if not of_session:
            del self._by_session[share.session_id]

    def _all(self) -> list[Share]:
        return [each for each in self._by_id.values() if self._holds(each)]

    def _holds(self, share: Share) -> bool:
        return self._clock() < share.expires_at


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
