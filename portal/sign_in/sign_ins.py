"""The sign-ins that hold: by a random token in a cookie, of which the portal keeps the hash.

In memory for every request, in the store for the next life. One ends when it was not used for
``idle_seconds``, when it is ``lifetime_seconds`` old, or when told; whoever hangs on it (event
streams, displays) waits for ``ended``.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from portal.errors import StoreError
from portal.settings import Settings
from portal.store import sign_in_rows
from portal.store.database import Database
from portal.store.sign_in_rows import SignInRow

_WRITE_SECONDS = 60.0
"""How often the use of a sign-in is written down."""

_PER_USER = 50
"""Sign-ins of one user; one more ends the one that was not used the longest."""

_log = structlog.get_logger()


@dataclass(slots=True)
class SignIn:
    """Somebody who is signed in on one browser."""

    row: SignInRow
    written_at: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _bells: set[asyncio.Event] = field(default_factory=set)

    @contextmanager
    def rings(self, bell: asyncio.Event) -> Iterator[None]:
        """Within the block the event is set, too, when it ends."""
        self._bells.add(bell)
        if self.ended.is_set():
            bell.set()
        try:
            yield
        finally:
            self._bells.discard(bell)

    def end(self) -> None:
        """Tell whoever hangs on it."""
        self.ended.set()
        for bell in self._bells:
            bell.set()

    @property
    def id(self) -> str:
        """Names it in logs and labels; no secret."""
        return self.row.id

    @property
    def user(self) -> str:
        """Who it is."""
        return self.row.user

    @property
    def method(self) -> str:
        """How they came in: pam, link or header."""
        return self.row.method


class SignIns:
    """All sign-ins; ``clock`` is in seconds since the epoch."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._by_key: dict[str, SignIn] = {}
        self._by_id: dict[str, SignIn] = {}
        self.ended: asyncio.Queue[SignIn] = asyncio.Queue()
        """Those that have, for whoever closes what hangs on them."""

    async def load(self) -> None:
        """Take up those of the last life."""
        for row in await self._database.run(sign_in_rows.load):
            self._take_in(SignIn(row, row.used_at))
        await self.expire()

    async def begin(self, user: str, method: str) -> tuple[str, SignIn]:
        """A new sign-in, and the token for its cookie. Raises StoreError."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        row = SignInRow(
            key=_key(token),
            id=secrets.token_hex(8),
            user=user,
            method=method,
            created_at=now,
            used_at=now,
        )
        await self._database.run(partial(sign_in_rows.keep, row=row))
        sign_in = SignIn(row, now)
        self._take_in(sign_in)
        await self._make_room(user)
        return token, sign_in

    async def find(self, token: str) -> SignIn | None:
        """The sign-in of a cookie's token, which is used by that; ``None``: none that holds."""
        sign_in = self._by_key.get(_key(token))
        if sign_in is None:
            return None
        if not self._holds(sign_in):
            await self._end([sign_in])
            return None
        await self.use(sign_in)
        return sign_in

    def by_id(self, sign_in_id: str) -> SignIn | None:
        """The sign-in of that id, if there is one that holds."""
        found = self._by_id.get(sign_in_id)
        return found if found is not None and self._holds(found) else None

    async def use(self, sign_in: SignIn) -> None:
        """It is in use: by a request, or by a display that is open."""
        now = self._clock()
        sign_in.row = replace(sign_in.row, used_at=now)
        if now - sign_in.written_at >= _WRITE_SECONDS:
            sign_in.written_at = now
            try:
                await self._database.run(partial(sign_in_rows.keep, row=sign_in.row))
            except StoreError as error:
                # It holds; the next life may take it to have been idle for longer.
                _log.warning("store_failed", error=str(error))

    async def end(self, sign_in: SignIn) -> None:
        """It holds no more."""
        await self._end([sign_in])

    def users(self) -> set[str]:
        """Who is signed in."""
        return {each.user for each in self._by_key.values()}

    async def end_all_of(self, user: str) -> None:
        """None of the user's holds any more."""
        await self._end([each for each in self._by_key.values() if each.user == user])

    async def expire(self) -> None:
        """End those whose time is over."""
        over = [each for each in self._by_key.values() if not self._holds(each)]
        if over:
            await self._end(over)
            _log.debug("sign_ins_expired", count=len(over))

    def _holds(self, sign_in: SignIn) -> bool:
        now, row = self._clock(), sign_in.row
        config = self._settings.config.sign_in
        return (
            now - row.used_at < config.idle_seconds
            and now - row.created_at < config.lifetime_seconds
        )

    def _take_in(self, sign_in: SignIn) -> None:
        self._by_key[sign_in.row.key] = self._by_id[sign_in.id] = sign_in

    async def _make_room(self, user: str) -> None:
        held = [each for each in self._by_key.values() if each.user == user]
        held.sort(key=lambda each: each.row.used_at)
        if surplus := held[:-_PER_USER]:
            await self._end(surplus)

    async def _end(self, over: list[SignIn]) -> None:
        for each in over:
            self._by_key.pop(each.row.key, None)
            self._by_id.pop(each.id, None)
            each.end()
            self.ended.put_nowait(each)
        keys = [each.row.key for each in over]
        await self._database.run(partial(sign_in_rows.drop, keys=keys))


def csrf_token(token: str) -> str:
    """What a page says to show that it is of the portal: known to who can read ``/api/me``."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
