"""What this host's name service knows of people."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from portal.access import Person
from portal.errors import UnreachableError
from portal.settings import Settings

_SECONDS = 10.0
_THREADS = 4
"""Of their own: while a directory hangs, only look-ups wait for it."""
_KEPT_SECONDS = 30.0
"""How long an answer of the name service is believed: directories are slow, requests many."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of this host, or one that it does not know (``is_known``)."""

    name: str
    full_name: str
    groups: frozenset[str]
    is_known: bool


class Users:
    """Looks users up; who is an administrator is decided here."""

    def __init__(self, settings: Settings, look_up: Callable[[str], User]) -> None:
        self._settings = settings
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nss")
        self._known: dict[str, tuple[float, User]] = {}
        self._raised: set[str] = set()
        """Whom something was granted as an administrator."""

    async def find(self, name: str) -> User:
        """The user of that name. Raises UnreachableError."""
        now = time.monotonic()
        kept = self._known.get(name)
        if kept is not None and now - kept[0] < _KEPT_SECONDS:
            return kept[1]
        try:
            async with asyncio.timeout(_SECONDS):
                loop = asyncio.get_running_loop()
                user = await loop.run_in_executor(self._threads, self._look_up, name)
        except TimeoutError:
            detail = "Users cannot be looked up: the host's name service does not answer."
            raise UnreachableError(detail, "users_unavailable") from None
        self._known = {
            key: each for key, each in self._known.items() if now - each[0] < _KEPT_SECONDS
        }
        self._known[name] = (now, user)
        return user

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def person(self, name: str) -> Person | None:
        """Who somebody is to the portal; ``None``: this host does not know them (any more)."""
        user = await self.find(name)
        if not user.is_known:
            return None
        administrators = self._settings.config.administrators
        named = name in administrators.users
        grouped = not user.groups.isdisjoint(administrators.groups)
        if named or grouped:
            self._raised.add(name)
        return Person(name, is_administrator=named or grouped)

    def is_lowered(self, person: Person | None) -> bool:
        """Whether somebody was an administrator and is not any more; said once."""
        if person is None or person.is_administrator or person.user not in self._raised:
            return False
        self._raised.discard(person.user)
        return True


def find_user(name: str) -> User:
    """Ask the name service, which may take its time."""
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError, UnicodeError):
        return User(name, "", frozenset(), is_known=False)
    groups = set()
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            groups.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    full_name = entry.pw_gecos.partition(",")[0]
    return User(entry.pw_name, full_name, frozenset(groups), is_known=True)
