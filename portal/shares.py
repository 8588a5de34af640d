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
from portal.store import share_rows
from portal.store.database import Database
from portal.store.share_rows import Share


class Shares:
    """All shares; ``clock`` is in seconds since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._by_id: dict[str, Share] = {}

    async def load(self) -> None:
        """Take up those of the last life."""
        self._by_id = {each.id: each for each in await self._database.run(share_rows.load)}

    async def make(
        self, session_id: str, owner: str, user: str | None, mode: Mode, seconds: float
    ) -> tuple[Share, str | None]:
        """A new share, and the token of its link if it is for anyone. Raises StoreError."""
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
        await self._database.run(partial(share_rows.keep, share=share))
        self._by_id[share.id] = share
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
        found = [each for each in self._all() if each.session_id == session_id]
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
        return {each.session_id for each in self._by_id.values()}

    async def end(self, shares: Iterable[Share]) -> None:
        """They hold no more, and are forgotten. Raises StoreError: after a restart they would."""
        ids = [share.id for share in shares]
        for each in ids:
            self._by_id.pop(each, None)
        await self._database.run(partial(share_rows.drop, ids=ids))

    def _all(self) -> list[Share]:
        return [each for each in self._by_id.values() if self._holds(each)]

    def _holds(self, share: Share) -> bool:
        return self._clock() < share.expires_at


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
